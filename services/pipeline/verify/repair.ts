/**
 * Repairs drift. Every write carries a version, so that whatever happens meanwhile, the newest state stays: the row's own
 * where that is the newest that anybody knows, and else a new one, through the pipeline.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Pool } from 'pg';
import { deletionMarker } from '../index/deletion.ts';
import type { IndexOperation } from '../index/operation.ts';
import type { DocumentReader } from '../index/documents.ts';
import { messageOf } from '../../platform/errors.ts';
import { indexOperation } from '../consume/parse-event.ts';
import type { PlacedEntity } from '../entity.ts';
import { isRowId, type RowReader, type State } from '../rows.ts';
import { canBeExceeded, isDeleted, type Pair } from './difference.ts';
import { publishDeletions, raiseRows, type Exceeded } from './republish.ts';
import type { Write } from './write.ts';

export interface RepairOptions {
  readonly pool: Pool;
  readonly client: Client;
  readonly entity: PlacedEntity;
  readonly rows: RowReader;
  readonly documents: DocumentReader;
  /** The newest version in the topic of each of these ids that is in it. */
  readonly newestInTopic: (ids: ReadonlySet<string>) => Promise<ReadonlyMap<string, number>>;
  readonly write: Write;
  /** Called for a difference that cannot be repaired, with the reason and what to do. */
  readonly onUnrepairable: (pair: Pair, reason: string) => void;
}

export type Repair = (drift: readonly Pair[]) => Promise<void>;

/** Rows whose documents are held at a time. */
const AT_ONCE = 1_000;
const BEYOND =
  'its version cannot be exceeded by an event (2^53 is the limit): rebuild the index, `npm run ops -- reindex`';

export const createRepair = (options: RepairOptions): Repair => {
  const { pool, client, entity, rows, documents, newestInTopic, write, onUnrepairable } = options;
  const { alias } = entity;

  /**
   * The recorded deletions' markers, and the documents of the rows as they are now. A row that is gone needs none: its
   * deletion is on its way.
   */
  const operationsOf = async (pairs: readonly Pair[]): Promise<IndexOperation[]> => {
    const byId = new Map(pairs.map((pair) => [pair.id, pair]));
    const markers = pairs.flatMap(({ id, row, document }): IndexOperation[] =>
      row === undefined || row.deletedAt === null
        ? []
        : [
            {
              kind: 'delete',
              id,
              version: row.version,
              deletedAt: row.deletedAt,
              replacesEqual: document === undefined,
            },
          ],
    );
    const documents = (await rows.rows([...byId.keys()])).flatMap(({ id, json }): IndexOperation[] => {
      try {
        return [indexOperation(JSON.parse(json), entity)];
      } catch (error) {
        const pair = byId.get(id);
        if (pair !== undefined) onUnrepairable(pair, `the row is no ${entity.name}: ${messageOf(error)}`);
        return [];
      }
    });
    return [...markers, ...documents];
  };

  /** `missing` and `stale`: the document as the row or its deletion has it, by the indexer's own writer. */
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
    // With a document, somebody else's write was newer. Without one, the shard remembers a deletion that wrote no marker,
    // by a version before markers or by hand, of what has a row.
    const indexed = await documents.states(refused.map(({ id }) => id));
    const versions = await deletedVersions(
      client,
      alias,
      refused.flatMap(({ id }) => (indexed.has(id) ? [] : [id])),
    );
    await raiseRows(
      pool,
      entity,
      [...versions].flatMap(([id, above]) => exceeding(byId.get(id), above)),
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
    await write(strangers.map(({ id, above }) => ({ kind: 'purge', id, version: above })));
  };

  return async (drift) => {
    const inTopic = await newestInTopic(new Set(drift.map(({ id }) => id).filter(isRowId)));
    for (let from = 0; from < drift.length; from += AT_ONCE) {
      const some = drift.slice(from, from + AT_ONCE);
      /** Where the topic or the index is ahead of the row, the next replay would undo a write of the row. */
      const overtaken = some.flatMap((pair) => {
        const { row, document } = pair;
        const above = Math.max(document?.version ?? 0, inTopic.get(pair.id) ?? 0);
        return row === undefined || above > row.version || (above === row.version && differsInKind(row, document))
          ? [{ pair, above }]
          : [];
      });
      const known = new Set(overtaken.map(({ pair }) => pair));
      await indexRows(some.filter((pair) => !known.has(pair)));
      await raiseRows(
        pool,
        entity,
        overtaken.filter(({ pair }) => hasRow(pair)).flatMap(({ pair, above }) => exceeding(pair, above)),
      );
      await removeDocuments(overtaken.filter(({ pair }) => !hasRow(pair)));
    }
  };
};

interface Overtaken {
  readonly pair: Pair;
  readonly above: number;
}

const hasRow = ({ row }: Pair): boolean => row !== undefined && !isDeleted(row);

/** Whether one is a deletion and the other is not. */
const differsInKind = (row: State, document: State | undefined): boolean =>
  document !== undefined && isDeleted(row) !== isDeleted(document);

/**
 * The versions that shards remember of documents that are gone, for `index.gc_deletes`. No question is answered with them,
 * but a document that is created without a version gets the next one. It is a marker, which no search shows and which the
 * raised row replaces; where there is a document after all, nothing is created.
 * @throws what the client throws when Elasticsearch does not answer or refuses
 */
const deletedVersions = async (
  client: Client,
  alias: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const found = new Map<string, number>();
  if (ids.length === 0) return found;
  const marker = { version: 0, deletedAt: new Date().toISOString() };
  const { items } = await client.bulk({
    index: alias,
    require_alias: true,
    operations: ids.flatMap((id) => [{ create: { _id: id } }, deletionMarker({ id, ...marker })]),
  });
  for (const { create } of items) {
    if (create?._id && create.error === undefined && create._version !== undefined) {
      found.set(create._id, create._version);
    }
  }
  return found;
};
