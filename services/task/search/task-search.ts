/** Search over the index, guarded: what goes wrong there costs a bounded time, and nothing else. */
import { createHash } from 'node:crypto';
import { errors, type Client } from '@elastic/elasticsearch';
import { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import type { Task } from '../events.ts';
import { decodeCursor, encodeCursor } from '../../platform/http/cursor.ts';
import type { SearchBreaker } from '../../pipeline/index/breaker.ts';
import { SORT, toQuery, type SearchConditions } from './query.ts';

export interface SearchRequest {
  readonly conditions: SearchConditions;
  readonly from: number;
  readonly size: number;
  readonly cursor: string | undefined;
}

export interface SearchPage {
  readonly tasks: readonly Task[];
  readonly total: number;
  readonly nextCursor: string | null;
}

export interface TaskSearch {
  /**
   * @throws TaskstreamError `cursor_invalid`, `validation_failed` for more words than the server takes, or
   * `search_unavailable`, also when a part of the index does not answer
   */
  find(request: SearchRequest): Promise<SearchPage>;
}

export interface TaskSearchOptions {
  readonly client: Client;
  readonly alias: string;
  readonly timeoutMs: number;
  readonly breaker: SearchBreaker;
}

/** Where a page ended, and of which query it is. */
const positionSchema = z.object({ query: z.string(), after: z.tuple([z.number(), z.string()]) });

export const createTaskSearch = ({ client, alias, timeoutMs, breaker }: TaskSearchOptions): TaskSearch => ({
  find: async ({ conditions, from, size, cursor }) => {
    const fingerprint = fingerprintOf(conditions);
    const after = cursor === undefined ? undefined : afterOf(cursor, fingerprint);
    const found = breaker.run(() =>
      client.search<Task>(
        {
          index: alias,
          query: toQuery(conditions),
          sort: SORT,
          size,
          track_total_hits: true,
          track_scores: true,
          // Hits and total of the shards that answer would look like those of all.
          allow_partial_search_results: false,
          // Replicas score a little differently; pages of one query must come from the same one.
          // (Elasticsearch reserves names that begin with an underscore, which a hash may do.)
          preference: `query-${fingerprint}`,
          // What the answer is made of: half of what would be sent and parsed otherwise.
          filter_path: ['hits.total', 'hits.hits._source', 'hits.hits.sort'],
          ...(after === undefined ? { from } : { search_after: after }),
        },
        { requestTimeout: timeoutMs },
      ),
    );
    const response = await found.catch((error: unknown) => {
      throw isTooManyTerms(error) ? tooManyTerms(error) : error;
    });
    // Without a hit, the filter leaves the list out.
    const hits = 'hits' in response.hits ? response.hits.hits : [];
    const last = hits.at(-1)?.sort;
    const total = response.hits.total;
    return {
      tasks: hits.flatMap(({ _source }) => (_source === undefined ? [] : [_source])),
      total: typeof total === 'number' ? total : (total?.value ?? 0),
      nextCursor: last === undefined || hits.length < size ? null : encodeCursor({ query: fingerprint, after: last }),
    };
  },
});

/** How many terms a query may have depends on the server's memory and cores. */
const isTooManyTerms = (error: unknown): boolean =>
  error instanceof errors.ResponseError &&
  /maxClauseCount|too_many_(?:nested_)?clauses/.test(JSON.stringify(error.body));

const tooManyTerms = (cause: unknown): TaskstreamError => {
  const message = 'has more words than the search server takes in one query; send fewer';
  return new TaskstreamError('validation_failed', `description: ${message}.`, {
    cause,
    details: [{ path: 'description', message }],
  });
};

const fingerprintOf = ({ description, priority, isDone }: SearchConditions): string =>
  createHash('sha256')
    .update(JSON.stringify([description ?? null, priority ?? null, isDone ?? null]))
    .digest('base64url')
    .slice(0, 16);

const afterOf = (cursor: string, fingerprint: string): [number, string] => {
  const { query, after } = decodeCursor(cursor, positionSchema);
  if (query !== fingerprint) {
    throw new TaskstreamError(
      'cursor_invalid',
      'This cursor belongs to another query; send it with the conditions it came from.',
    );
  }
  return after;
};
