/** A second look at single tasks, now and in both stores. */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import type { PlacedEntity } from '../entity.ts';
import type { Pair } from './difference.ts';
import { readDocuments } from './documents.ts';
import { readRows } from './rows.ts';

export type Look = (ids: readonly string[]) => Promise<Pair[]>;

const AT_ONCE = 1_000;

/**
 * Documents are read before rows: a document then is never newer than its row because of a write between the two reads,
 * so one that is has no explanation.
 */
export const createLook =
  (pool: Pool, client: Client, entity: PlacedEntity): Look =>
  async (ids) => {
    const pairs: Pair[] = [];
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const some = ids.slice(from, from + AT_ONCE);
      const documents = await readDocuments(client, entity.alias, some);
      const rows = await readRows(pool, entity, some);
      for (const id of some) pairs.push({ id, row: rows.get(id), document: documents.get(id) });
    }
    return pairs;
  };
