/** Asks Elasticsearch whether a change has arrived: stored, and found by search. */
import type { Client } from '@elastic/elasticsearch';
import { statusOf } from '../../platform/elasticsearch.ts';

/** A version of a task; `deleted` when that version is its end. */
export interface Change {
  readonly id: string;
  readonly version: number;
  readonly deleted: boolean;
}

export interface IndexReader {
  /** Number of documents that search sees. */
  readonly count: () => Promise<number>;
  /** Whether the index has this version or a later one, searchable or not. */
  readonly isIndexed: (change: Change) => Promise<boolean>;
  /** Whether a search finds this version or a later one; for a deletion, whether it finds the task no more. */
  readonly isSearchable: (change: Change) => Promise<boolean>;
}

export interface IndexReaderOptions {
  readonly client: Client;
  readonly alias: string;
  /** Bound on one question, in milliseconds. */
  readonly timeoutMs: number;
}

/** All throw what the client throws when Elasticsearch does not answer or refuses. */
export const createIndexReader = ({ client, alias, timeoutMs }: IndexReaderOptions): IndexReader => {
  const options = { requestTimeout: timeoutMs };
  return {
    count: async () => (await client.count({ index: alias }, options)).count,
    isIndexed: async ({ id, version, deleted }) => {
      try {
        // A get by id sees what was written at once; a search only after the next refresh.
        const found = await client.get({ index: alias, id, _source: false }, options);
        // A deletion is there as its marker.
        return Number(found._version) >= version;
      } catch (error) {
        if (statusOf(error) === 404) return deleted;
        throw error;
      }
    },
    isSearchable: async ({ id, version, deleted }) => {
      const found = await client.search(
        {
          index: alias,
          size: 0,
          query: {
            bool: {
              filter: [{ ids: { values: [id] } }, ...(deleted ? [] : [{ range: { version: { gte: version } } }])],
            },
          },
        },
        options,
      );
      const total = found.hits.total;
      const hits = typeof total === 'number' ? total : (total?.value ?? 0);
      return deleted ? hits === 0 : hits > 0;
    },
  };
};
