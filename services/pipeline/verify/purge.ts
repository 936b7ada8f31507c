/**
 * The end of deletions that were final for the stated time: their markers, and then their records. A marker whose record is
 * younger stays with it: it would be missed. Whoever brings an older
 * event after that brings the thing back, in search; the next comparison finds it there without a row.
 */
import type { Pool } from 'pg';
import { TaskstreamError } from '../../platform/errors.ts';
import { DELETED_AT } from '../index/deletion.ts';
import type { DocumentReader } from '../index/documents.ts';
import type { IndexOperation } from '../index/operation.ts';
import type { PlacedEntity } from '../entity.ts';
import { isRowId } from '../rows.ts';
import type { Write } from './write.ts';

export interface PurgeOptions {
  readonly pool: Pool;
  readonly entity: Pick<PlacedEntity, 'table' | 'alias'>;
  readonly documents: DocumentReader;
  /** How long a deletion is final. */
  readonly days: number;
  readonly write: Write;
}

const KEEP_ALIVE_SECONDS = 600;
/** Records removed by one statement. */
const AT_ONCE = 10_000;

/**
 * @returns the number of markers that were removed
 * @throws TaskstreamError `search_unavailable` when the index takes no writes; the records stay
 */
export const purgeDeletions = async (options: PurgeOptions): Promise<number> => {
  const { pool, entity, documents, days, write } = options;
  const { table, alias } = entity;
  // By one clock: the database's, which the deletions were written by.
  const { rows } = await pool.query<{ before: Date }>('SELECT now() - make_interval(days => $1) AS before', [days]);
  const before = (rows[0]?.before ?? new Date(0)).toISOString();
  /** Deletions whose record stays: it is written a moment after the event, and a marker may be older for other reasons too. */
  const recordedSince = async (ids: readonly string[]): Promise<ReadonlySet<string>> => {
    const found = await pool.query<{ id: string }>(
      'SELECT id::text FROM deletions WHERE source = $1 AND id = ANY($2::uuid[]) AND deleted_at >= $3',
      [table, ids.filter(isRowId), before],
    );
    return new Set(found.rows.map(({ id }) => id));
  };
  let purged = 0;
  const snapshot = await documents.snapshot(KEEP_ALIVE_SECONDS, { range: { [DELETED_AT]: { lt: before } } });
  try {
    for await (const page of snapshot.pages()) {
      const kept = await recordedSince(page.map(({ id }) => id));
      const over = page.filter(({ id }) => !kept.has(id));
      // Under its own version: a newer state, such as that of a row which came back, stays.
      const outcomes = await write(over.map(({ id, version }): IndexOperation => ({ kind: 'purge', id, version })));
      if (outcomes.some(({ kind }) => kind === 'pending')) {
        throw new TaskstreamError('search_unavailable', `${alias} takes no writes now: run verify again`, {
          retriable: true,
        });
      }
      purged += outcomes.filter(({ kind }) => kind === 'deleted').length;
    }
  } finally {
    // It expires by itself; the result matters more than the answer.
    await snapshot.close().catch(() => undefined);
  }
  for (let removed = AT_ONCE; removed === AT_ONCE;) {
    const result = await pool.query(
      `DELETE FROM deletions WHERE source = $1 AND id = ANY(ARRAY(
         SELECT id FROM deletions WHERE source = $1 AND deleted_at < $2 LIMIT $3))
       AND deleted_at < $2`,
      [table, before, AT_ONCE],
    );
    removed = result.rowCount ?? 0;
  }
  return purged;
};
