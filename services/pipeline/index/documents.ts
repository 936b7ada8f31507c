/** Documents of an index, in pages as of one point in time, and by id as of now. Answers with holes are errors. */
import type { Client, estypes } from '@elastic/elasticsearch';
import { TaskstreamError } from '../../platform/errors.ts';
import { retry } from '../../platform/retry.ts';
import { inPages, READ_ATTEMPTS, type ReadOptions } from '../pages.ts';
import type { IdentifiedState, State } from '../rows.ts';
import { DELETED_AT } from './deletion.ts';

/** A document; with `deletedAt` it is a deletion's marker. */
export interface Document extends IdentifiedState {
  /** Whether its field `id`, which gives the order, says something else than its `_id`. */
  readonly isMisplaced: boolean;
}

export interface SourcedState extends State {
  readonly source: Readonly<Record<string, unknown>>;
}

export interface DocumentSnapshot {
  readonly count: number;
  /** In order of the field `id`. @throws TaskstreamError `search_unavailable` when shards do not answer */
  readonly pages: () => AsyncGenerator<readonly Document[]>;
  close(): Promise<void>;
}

/** Reads that wait for a server that restarts; an outage of about 15 s ends them with the client's error. */
export interface DocumentReader {
  /**
   * Opens a point in time of what is indexed now, deletion markers included.
   * @param keepAliveSeconds longest time between two pages
   * @param query only documents of this; all without it
   */
  snapshot(keepAliveSeconds: number, query?: estypes.QueryDslQueryContainer): Promise<DocumentSnapshot>;
  /** Deletions that whoever searches by the given name sees: none, where it is an alias with its filter. */
  shownDeletions(): Promise<number>;
  /** The state of each of `ids` that has a document or a marker: the last write counts, refreshed or not. */
  states(ids: readonly string[]): Promise<ReadonlyMap<string, State>>;
  /** The same with what each document says. */
  sources(ids: readonly string[]): Promise<ReadonlyMap<string, SourcedState>>;
}

/** Elasticsearch gives 10,000 at most. */
const PAGE = 5_000;

/** @param index an index or an alias */
export const createDocumentReader = (client: Client, index: string, options: ReadOptions): DocumentReader => {
  const read = <T>(ask: () => Promise<T>): Promise<T> => retry(ask, { ...READ_ATTEMPTS, ...options });
  /** The alias would hide the markers. */
  const behind = async () => Object.keys(await read(() => client.indices.getSettings({ index })));
  const fetchPage = async (
    pit: estypes.SearchPointInTimeReference,
    query: estypes.QueryDslQueryContainer,
    after: estypes.SortResults | undefined,
  ) => {
    const page = await client.search({
      pit,
      query,
      docvalue_fields: [{ field: DELETED_AT, format: 'strict_date_time' }],
      size: PAGE,
      sort: [{ id: 'asc' }],
      version: true,
      _source: false,
      track_total_hits: false,
      ...(after === undefined ? {} : { search_after: after }),
    });
    if (page.timed_out || page._shards.failed > 0) {
      // A page with holes would be a report of documents that are missing and are not.
      throw new TaskstreamError('search_unavailable', `${page._shards.failed} shards of ${index} did not answer`, {
        retriable: true,
      });
    }
    return page;
  };
  const getAll = async (
    ids: readonly string[],
    options: { readonly _source_includes?: string[] },
  ): Promise<ReadonlyMap<string, SourcedState>> => {
    if (ids.length === 0) return new Map();
    return read(async () => {
      const { docs } = await client.mget<Record<string, unknown>>({ index, ids: [...ids], realtime: true, ...options });
      const found = new Map<string, SourcedState>();
      for (const doc of docs) {
        if ('error' in doc) {
          throw new TaskstreamError('search_unavailable', `${doc._id}: ${doc.error.reason ?? doc.error.type}`, {
            retriable: true,
          });
        }
        if (!doc.found) continue;
        const { _id: id, _version: version = 0, _source: source = {} } = doc;
        const deletedAt = source[DELETED_AT];
        found.set(id, { version, deletedAt: typeof deletedAt === 'string' ? deletedAt : null, source });
      }
      return found;
    });
  };
  return {
    snapshot: async (keepAliveSeconds, query = { match_all: {} }) => {
      const indices = await behind();
      const keepAlive = `${keepAliveSeconds}s`;
      // Else what was written within the last second would look as if it were missing.
      await read(() => client.indices.refresh({ index: indices }));
      let { id } = await read(() => client.openPointInTime({ index: indices, keep_alive: keepAlive }));
      const { count } = await read(() => client.count({ index: indices, query }));
      return {
        count,
        pages: () =>
          inPages<Document, estypes.SortResults | undefined>(undefined, async (after) => {
            const page = await read(() => fetchPage({ id, keep_alive: keepAlive }, query, after));
            id = page.pit_id ?? id;
            const { hits } = page.hits;
            return { items: hits.map(toDocument), next: hits.length < PAGE ? undefined : hits.at(-1)?.sort };
          }),
        close: async () => {
          await client.closePointInTime({ id });
        },
      };
    },
    shownDeletions: async () =>
      (await read(() => client.count({ index, query: { exists: { field: DELETED_AT } } }))).count,
    states: (ids) => getAll(ids, { _source_includes: [DELETED_AT] }),
    sources: (ids) => getAll(ids, {}),
  };
};

const toDocument = ({ _id: id = '', _version: version = 0, fields, sort }: estypes.SearchHit): Document => ({
  id,
  version,
  deletedAt: (fields?.[DELETED_AT] as string[] | undefined)?.[0] ?? null,
  isMisplaced: sort?.[0] !== id,
});
