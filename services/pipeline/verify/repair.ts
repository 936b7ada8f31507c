/**
 * Mends drift. Every write carries a version, so that whatever happens meanwhile, the newest state stays: the row's own
 * where that is the newest that anybody knows, and else a new one, through the pipeline.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { createBulkWriter } from '../index/bulk.ts';
import { encodeOperation, type IndexOperation } from '../index/operation.ts';
import { messageOf } from '../../platform/errors.ts';
import { toOperation } from '../consume/parse-event.ts';
import type { PlacedEntity } from '../entity.ts';
import { readDocuments } from './documents.ts';
import { canBeExceeded, isRowId, type Pair } from './difference.ts';
import { publishDeletions, raiseRows, type Exceeded } from './republish.ts';
import { rememberedVersions } from './remembered.ts';

export interface RepairOptions {
  readonly pool: Pool;
  readonly client: Client;
  readonly entity: PlacedEntity;
  /** The newest version in the log of each of these tasks that is in it. */
  readonly logged: (ids: ReadonlySet<string>) => Promise<ReadonlyMap<string, number>>;
  /** How long writes to the index are repeated while it takes none, in milliseconds. */
  readonly patienceMs: number;
  /** Told about a difference that cannot be mended, and what to do. */
  readonly onUnmended: (pair: Pair, reason: string) => void;
}

export type Repair = (drift: readonly Pair[]) => Promise<void>;

/** Rows whose documents are held at a time. */
const AT_ONCE = 1_000;
const MAX_BYTES = 5_242_880;
const BEYOND =
  'its version cannot be exceeded by an event (2^53 is the limit): rebuild the index, `npm run ops -- reindex`';

export const createRepair = ({ pool, client, entity, logged, patienceMs, onUnmended }: RepairOptions): Repair => {
  const { alias, table, rowToJson } = entity;
  const write = async (operations: readonly IndexOperation[]) => {
    const writer = createBulkWriter({
      client,
      alias,
      maxBytes: MAX_BYTES,
      backoff: { baseMs: 200, maxMs: 5_000 },
      onRetry: (reason) => {
        if (reason !== undefined) process.stderr.write(`\n${reason}: trying again\n`);
      },
    });
    return writer.write(operations.map(encodeOperation), AbortSignal.timeout(patienceMs));
  };

  /** Index operations of the rows as they are now. A row that is gone needs none: its deletion is on its way. */
  const operationsOf = async (pairs: readonly Pair[]): Promise<IndexOperation[]> => {
    const byId = new Map(pairs.map((pair) => [pair.id, pair]));
    const { rows } = await pool.query<{ id: string; json: string }>(
      `SELECT id::text, ${rowToJson}(${table}) AS json FROM ${table} WHERE id = ANY($1::uuid[])`,
      [[...byId.keys()]],
    );
    return rows.flatMap(({ id, json }): IndexOperation[] => {
      try {
        return [toOperation(JSON.parse(json), 'index', entity)];
      } catch (error) {
        const pair = byId.get(id);
        if (pair !== undefined) onUnmended(pair, `the row is no ${entity.name}: ${messageOf(error)}`);
        return [];
      }
    });
  };

  /** `missing` and `stale`: the document as the row has it, by the indexer's own writer. */
  const indexRows = async (pairs: readonly Pair[]): Promise<void> => {
    if (pairs.length === 0) return;
    const byId = new Map(pairs.map((pair) => [pair.id, pair]));
    const operations = await operationsOf(pairs);
    const outcomes = await write(operations);
    const refused: IndexOperation[] = [];
    operations.forEach((operation, index) => {
      const outcome = outcomes[index];
      const pair = byId.get(operation.id);
      if (outcome === undefined || pair === undefined) return;
      if (outcome.kind === 'rejected') onUnmended(pair, outcome.error.message);
      if (outcome.kind === 'pending') onUnmended(pair, 'Elasticsearch takes no writes now; try again');
      if (outcome.kind === 'stale') refused.push(operation);
    });
    // Refused without a document: the index knows a later deletion of a task that has a row again, as one brought back
    // from a backup has. With a document, somebody else's write was newer.
    const documents = await readDocuments(
      client,
      alias,
      refused.map(({ id }) => id),
    );
    const deleted = refused.filter(({ id }) => !documents.has(id));
    const remembered = await rememberedVersions(client, alias, deleted);
    await raiseRows(
      pool,
      entity,
      [...remembered].flatMap(([id, above]) => exceeding(byId.get(id), above)),
    );
  };

  const exceeding = (pair: Pair | undefined, above: number): Exceeded[] => {
    if (pair === undefined) return [];
    if (canBeExceeded(above)) return [{ id: pair.id, above }];
    onUnmended(pair, BEYOND);
    return [];
  };

  /** `surplus`: nobody but us could know a document whose id is no task's, so it is deleted there. */
  const removeDocuments = async (surplus: readonly Overtaken[]): Promise<void> => {
    const exceeded = surplus.flatMap(({ pair, above }) => exceeding(pair, above));
    await publishDeletions(
      pool,
      entity,
      exceeded.filter(({ id }) => isRowId(id)),
    );
    const strangers = exceeded.filter(({ id }) => !isRowId(id));
    await write(strangers.map(({ id, above }) => ({ kind: 'delete', id, version: above + 1 })));
  };

  return async (drift) => {
    const log = await logged(new Set(drift.map(({ id }) => id).filter(isRowId)));
    for (let from = 0; from < drift.length; from += AT_ONCE) {
      const some = drift.slice(from, from + AT_ONCE);
      /** Where the log or the index is ahead of the row, writing the row would be undone by the next replay. */
      const overtaken = some.flatMap((pair) => {
        const above = Math.max(pair.document ?? 0, log.get(pair.id) ?? 0);
        return pair.row === undefined || above > pair.row ? [{ pair, above }] : [];
      });
      const known = new Set(overtaken.map(({ pair }) => pair));
      await indexRows(some.filter((pair) => !known.has(pair)));
      await raiseRows(
        pool,
        entity,
        overtaken.filter(({ pair }) => pair.row !== undefined).flatMap(({ pair, above }) => exceeding(pair, above)),
      );
      await removeDocuments(overtaken.filter(({ pair }) => pair.row === undefined));
    }
  };
};

interface Overtaken {
  readonly pair: Pair;
  readonly above: number;
}
