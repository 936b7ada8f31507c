/** A search index of a test's own. */
import { randomUUID } from 'node:crypto';
import { Client, type estypes } from '@elastic/elasticsearch';
import { ensureIndex, indexSettings, type IndexOptions } from '../../services/pipeline/index/search-index.ts';
import { firstIndexOf } from '../../services/pipeline/topics.ts';
import { taskEntity } from '../../services/task/entity.ts';

export interface TestIndex {
  readonly client: Client;
  readonly alias: string;
  readonly index: string;
  /** Version of every document, after a refresh. */
  versions(): Promise<Map<string, number>>;
  /** Id, version and number of every document, after a refresh, in the order of ids or of the writes. */
  documents(
    sort: 'id' | '_seq_no',
  ): AsyncGenerator<{ readonly id: string; readonly version: number; readonly number: number }>;
  /** Writes that came again, or behind newer ones: Elasticsearch refuses their version. */
  conflicts(): Promise<number>;
  /** Deletes the index, and those that a reindex made. */
  close(): Promise<void>;
}

const OPTIONS = { shards: 1, replicas: 0, gcDeletes: '1h', refreshInterval: '1s' };

/** Settings for an index that a test creates by itself: the mapping of a text names analysers that stand in them. */
export const TEST_SETTINGS = { index: indexSettings(OPTIONS) };

/**
 * Creates the index and its alias under a name nobody else uses.
 * @param requestTimeout milliseconds for each request
 */
export const createTestIndex = async (
  url: string,
  options: Partial<IndexOptions> = {},
  requestTimeout = 30_000,
): Promise<TestIndex> => {
  const client = new Client({ node: url, maxRetries: 0, requestTimeout });
  const alias = `tasks-${randomUUID().slice(0, 8)}`;
  const index = firstIndexOf(alias);
  await ensureIndex(client, taskEntity, {
    alias,
    ...OPTIONS,
    ...options,
  });
  const documents: TestIndex['documents'] = async function* (sort) {
    await client.indices.refresh({ index: alias });
    let after: estypes.SortResults | undefined;
    do {
      const { hits } = await client.search({
        ...{
          index: alias,
          size: 5_000,
          sort: [{ [sort]: 'asc' }],
          version: true,
          seq_no_primary_term: true,
          _source: false,
        },
        ...(after === undefined ? {} : { search_after: after }),
      });
      for (const hit of hits.hits) {
        yield { id: String(hit._id), version: Number(hit._version), number: Number(hit._seq_no) };
      }
      after = hits.hits.at(-1)?.sort;
    } while (after !== undefined);
  };
  return {
    client,
    alias,
    index,
    documents,
    versions: async () => {
      const found = new Map<string, number>();
      for await (const { id, version } of documents('id')) found.set(id, version);
      return found;
    },
    conflicts: async () => {
      const { _all } = await client.indices.stats({ index: alias, metric: 'indexing' });
      // A number that the client's types do not know.
      const indexing = _all.primaries?.indexing as { index_failed_due_to_version_conflict?: number } | undefined;
      return indexing?.index_failed_due_to_version_conflict ?? 0;
    },
    close: async () => {
      const all = await client.indices.get({ index: `${alias}-*`, allow_no_indices: true }).catch(() => ({}));
      for (const name of Object.keys(all)) await client.indices.delete({ index: name }).catch(() => undefined);
      await client.close();
    },
  };
};
