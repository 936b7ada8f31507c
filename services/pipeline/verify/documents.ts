/** The side of Elasticsearch: documents in order of id, as of one point in time, and single documents again. */
import type { Client, estypes } from '@elastic/elasticsearch';
import { statusOf } from '../../platform/elasticsearch.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import type { Entry } from './difference.ts';
import { inPages, patiently } from './pages.ts';

/** Elasticsearch gives 10,000 at most. */
const PAGE_DOCUMENTS = 5_000;

/** An outage, or too many requests: not what a repetition would only repeat. */
const heals = (error: unknown): boolean => {
  const status = statusOf(error);
  return status === undefined || status === 429 || status >= 500;
};

export interface DocumentSnapshot {
  readonly count: number;
  /**
   * In order of the field `id`. A document whose `_id` is another goes to `onMisplaced` instead: no row is its
   * counterpart at this place of the order.
   */
  stream(onMisplaced: (document: Entry) => Promise<void>): AsyncGenerator<Entry>;
  close(): Promise<void>;
}

/**
 * Opens a point in time of what is indexed now.
 * @param keepAliveSeconds longest time between two pages
 */
export const openSnapshot = async (
  client: Client,
  alias: string,
  keepAliveSeconds: number,
): Promise<DocumentSnapshot> => {
  const keepAlive = `${keepAliveSeconds}s`;
  // What was written within the last second would be a candidate for nothing.
  await patiently(() => client.indices.refresh({ index: alias }), heals);
  const { id } = await patiently(() => client.openPointInTime({ index: alias, keep_alive: keepAlive }), heals);
  const { count } = await client.count({ index: alias });
  const fetch = async (after: estypes.SortResults | undefined) => {
    const { hits, timed_out, _shards } = await patiently(
      () =>
        client.search({
          pit: { id, keep_alive: keepAlive },
          size: PAGE_DOCUMENTS,
          sort: [{ id: 'asc' }],
          version: true,
          _source: false,
          track_total_hits: false,
          ...(after === undefined ? {} : { search_after: after }),
        }),
      heals,
    );
    if (timed_out || _shards.failed > 0) {
      // A page with holes would be a report of documents that are missing and are not.
      throw new TaskstreamError('search_unavailable', `${_shards.failed} shards of ${alias} did not answer`);
    }
    return { items: hits.hits, next: hits.hits.length < PAGE_DOCUMENTS ? undefined : hits.hits.at(-1)?.sort };
  };
  return {
    count,
    stream: async function* (onMisplaced) {
      for await (const { _id: id = '', _version: version = 0, sort } of inPages(undefined, fetch)) {
        if (sort?.[0] === id) yield { id, version };
        else await onMisplaced({ id, version });
      }
    },
    close: async () => {
      await client.closePointInTime({ id });
    },
  };
};

/** Versions of the documents that exist of these ids, as of now: the last write counts, refreshed or not. */
export const readDocuments = async (
  client: Client,
  alias: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  if (ids.length === 0) return new Map();
  const { docs } = await patiently(
    () => client.mget({ index: alias, ids: [...ids], _source: false, realtime: true }),
    heals,
  );
  const found = new Map<string, number>();
  for (const doc of docs) {
    if ('error' in doc) {
      throw new TaskstreamError('search_unavailable', `${doc._id}: ${doc.error.reason ?? doc.error.type}`);
    }
    if (doc.found) found.set(doc._id, doc._version ?? 0);
  }
  return found;
};
