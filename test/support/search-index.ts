/** A search index of a test's own. */
import { randomUUID } from 'node:crypto';
import { Client } from '@elastic/elasticsearch';
import { ensureIndex, indexSettings, type IndexOptions } from '../../services/pipeline/index/search-index.ts';
import { firstIndexOf } from '../../services/pipeline/topics.ts';
import { taskEntity } from '../../services/task/entity.ts';

export interface TestIndex {
  readonly client: Client;
  readonly alias: string;
  readonly index: string;
  /** Version of every document, after a refresh. */
  versions(): Promise<Map<string, number>>;
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
  return {
    client,
    alias,
    index,
    versions: async () => {
      await client.indices.refresh({ index: alias });
      const found = new Map<string, number>();
      let after: (string | number)[] | undefined;
      for (;;) {
        const page = await client.search({
          index: alias,
          size: 5_000,
          sort: [{ id: 'asc' }],
          version: true,
          _source: false,
          ...(after === undefined ? {} : { search_after: after }),
        });
        for (const hit of page.hits.hits) found.set(String(hit._id), Number(hit._version));
        const last = page.hits.hits.at(-1);
        if (last?.sort === undefined) return found;
        after = last.sort.map((value) => String(value));
      }
    },
    close: async () => {
      const all = await client.indices.get({ index: `${alias}-*`, allow_no_indices: true }).catch(() => ({}));
      for (const name of Object.keys(all)) await client.indices.delete({ index: name }).catch(() => undefined);
      await client.close();
    },
  };
};
