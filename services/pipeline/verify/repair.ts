/**
 * Repairs drift. Every write carries a version, so that whatever happens meanwhile, the newest state stays: the row's own
 * where that is the newest that anybody knows, and else a new one, through the pipeline.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { createBulkWriter } from '../index/bulk.ts';
import { encodeOperation, type IndexOperation } from '../index/operation.ts';
import type { DocumentReader } from '../index/documents.ts';
import { messageOf } from '../../platform/errors.ts';
import { toOperation } from '../consume/parse-event.ts';
import type { PlacedEntity } from '../entity.ts';
import { isRowId, type RowReader } from '../rows.ts';
import { canBeExceeded, type Pair } from './difference.ts';
import { publishDeletions, raiseRows, type Exceeded } from './republish.ts';

export interface RepairOptions {
  readonly pool: Pool;
  readonly client: Client;
  readonly entity: PlacedEntity;
  readonly rows: RowReader;
  readonly documents: DocumentReader;
  /** The newest version in the topic of each of these ids that is in it. */
  readonly newestInTopic: (ids: ReadonlySet<string>) => Promise<ReadonlyMap<string, number>>;
  /** How long writes to the index are repeated while it takes none, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** Called with the reason that a write is repeated for. */
  readonly onRetry: (reason: string) => void;
  /** Called for a difference that cannot be repaired, with the reason and what to do. */
  readonly onUnrepairable: (pair: Pair, reason: string) => void;
}

export type Repair = (drift: readonly Pair[]) => Promise<void>;

/** Rows whose documents are held at a time. */
const AT_ONCE = 1_000;
const MAX_BYTES = 5_242_880;
const BEYOND =
  'its version cannot be exceeded by an event (2^53 is the limit): rebuild the index, `npm run ops -- reindex`';

export const createRepair = (options: RepairOptions): Repair => {
  const { pool, client, entity, rows, documents, newestInTopic, writeTimeoutMs, onRetry, onUnrepairable } = options;
  const { alias } = entity;
  const write = async (operations: readonly IndexOperation[]) => {
    const writer = createBulkWriter({
      client,
      alias,
      maxBytes: MAX_BYTES,
      backoff: { baseMs: 200, maxMs: 5_000 },
      onRetry: (reason) => {
        if (reason !== undefined) onRetry(reason);
      },
    });
    return writer.write(operations.map(encodeOperation), AbortSignal.timeout(writeTimeoutMs));
  };

  /** Index operations of the rows as they are now. A row that is gone needs none: its deletion is on its way. */
  const operationsOf = async (pairs: readonly Pair[]): Promise<IndexOperation[]> => {
    const byId = new Map(pairs.map((pair) => [pair.id, pair]));
    return (await rows.rows([...byId.keys()])).flatMap(({ id, json }): IndexOperation[] => {
      try {
        return [toOperation(JSON.parse(json), 'index', entity)];
      } catch (error) {
        const pair = byId.get(id);
        if (pair !== undefined) onUnrepairable(pair, `the row is no ${entity.name}: ${messageOf(error)}`);
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
      if (outcome.kind === 'rejected') onUnrepairable(pair, outcome.error.message);
      if (outcome.kind === 'pending') onUnrepairable(pair, 'Elasticsearch takes no writes now; try again');
      if (outcome.kind === 'stale') refused.push(operation);
    });
    // Refused without a document: the index knows a later deletion of a task that has a row again, as one brought back
    // from a backup has. With a document, somebody else's write was newer.
    const indexed = await documents.versions(refused.map(({ id }) => id));
    const deleted = refused.filter(({ id }) => !indexed.has(id));
    const conflicting = await conflictingVersions(client, alias, deleted);
    await raiseRows(
      pool,
      entity,
      [...conflicting].flatMap(([id, above]) => exceeding(byId.get(id), above)),
    );
  };

  const exceeding = (pair: Pair | undefined, above: number): Exceeded[] => {
    if (pair === undefined) return [];
    if (canBeExceeded(above)) return [{ id: pair.id, above }];
    onUnrepairable(pair, BEYOND);
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
    const inTopic = await newestInTopic(new Set(drift.map(({ id }) => id).filter(isRowId)));
    for (let from = 0; from < drift.length; from += AT_ONCE) {
      const some = drift.slice(from, from + AT_ONCE);
      /** Where the topic or the index is ahead of the row, the next replay would undo a write of the row. */
      const overtaken = some.flatMap((pair) => {
        const above = Math.max(pair.document ?? 0, inTopic.get(pair.id) ?? 0);
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

/** As `VersionType.EXTERNAL` of Elasticsearch explains a conflict. */
const CONFLICT = /current version \[(\d+)\] is higher or equal to the one provided/;

/**
 * The versions that the index keeps of what it refuses. Of a deleted document there is no other way to ask:
 * Elasticsearch keeps its version for `index.gc_deletes`, and names it in the conflict only. So this tries the operations
 * once more, and reads the answers.
 * @returns the version of each that is refused; one that went in needs none
 */
const conflictingVersions = async (
  client: Client,
  alias: string,
  operations: readonly IndexOperation[],
): Promise<ReadonlyMap<string, number>> => {
  const found = new Map<string, number>();
  if (operations.length === 0) return found;
  const { items } = await client.bulk({
    index: alias,
    require_alias: true,
    operations: operations.flatMap((operation) => {
      const target = { _id: operation.id, version: operation.version, version_type: 'external' };
      return operation.kind === 'index'
        ? [JSON.stringify({ index: target }), JSON.stringify(operation.document)]
        : [JSON.stringify({ delete: target })];
    }),
  });
  for (const { index, delete: deleted } of items) {
    const item = index ?? deleted;
    const version = CONFLICT.exec(item?.error?.reason ?? '')?.[1];
    if (item?._id && version !== undefined) found.set(item._id, Number(version));
  }
  return found;
};
