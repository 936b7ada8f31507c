/** Search over an entity's index, guarded: what goes wrong there costs a bounded time, and nothing else. */
import { createHash } from 'node:crypto';
import { errors, type Client, type estypes } from '@elastic/elasticsearch';
import { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import { decodeCursor, encodeCursor } from '../../platform/http/cursor.ts';
import { toQuery, type Fields, type FieldValues } from '../field.ts';
import type { SearchBreaker } from './breaker.ts';

export interface SearchRequest {
  readonly conditions: FieldValues;
  readonly from: number;
  readonly size: number;
  readonly cursor: string | undefined;
}

export interface SearchPage {
  /** Documents as they were indexed. */
  readonly hits: readonly unknown[];
  readonly total: number;
  readonly nextCursor: string | null;
}

export interface EntitySearch {
  /**
   * @throws TaskstreamError `cursor_invalid`, `validation_failed` for more words than the server takes, or
   * `search_unavailable`, also when a part of the index does not answer
   */
  find(request: SearchRequest): Promise<SearchPage>;
}

export interface SearchOptions {
  readonly client: Client;
  readonly alias: string;
  readonly fields: Fields;
  readonly timeoutMs: number;
  readonly breaker: SearchBreaker;
}

/** The best match first; among equals the newest, as ids are in order of creation. */
export const SORT: estypes.Sort = [{ _score: { order: 'desc' } }, { id: { order: 'desc' } }];

/** Where a page ended, and of which query it is. */
const positionSchema = z.object({ query: z.string(), after: z.tuple([z.number(), z.string()]) });

export const createSearch = ({ client, alias, fields, timeoutMs, breaker }: SearchOptions): EntitySearch => ({
  find: async ({ conditions, from, size, cursor }) => {
    const fingerprint = fingerprintOf(fields, conditions);
    const after = cursor === undefined ? undefined : afterOf(cursor, fingerprint);
    const found = breaker.run(() =>
      client.search(
        {
          index: alias,
          query: toQuery(fields, conditions),
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
      throw isTooManyTerms(error) ? tooManyTerms(error, conditions) : error;
    });
    // Without a hit, the filter leaves the list out.
    const hits = 'hits' in response.hits ? response.hits.hits : [];
    const last = hits.at(-1)?.sort;
    const total = response.hits.total;
    return {
      hits: hits.flatMap(({ _source }) => (_source === undefined ? [] : [_source])),
      total: typeof total === 'number' ? total : (total?.value ?? 0),
      nextCursor: last === undefined || hits.length < size ? null : encodeCursor({ query: fingerprint, after: last }),
    };
  },
});

/** How many terms a query may have depends on the server's memory and cores. */
const isTooManyTerms = (error: unknown): boolean =>
  error instanceof errors.ResponseError &&
  /maxClauseCount|too_many_(?:nested_)?clauses/.test(JSON.stringify(error.body));

const tooManyTerms = (cause: unknown, conditions: FieldValues): TaskstreamError => {
  const lengthOf = (name: string): number => String(conditions[name]).length;
  const path = Object.keys(conditions).reduce((longest, name) => (lengthOf(name) > lengthOf(longest) ? name : longest));
  const message = 'has more words than the search server takes in one query; send fewer';
  return new TaskstreamError('validation_failed', `${path}: ${message}.`, { cause, details: [{ path, message }] });
};

/** Of the conditions that are given, in the order of the fields: a version with more fields continues the same cursors. */
const fingerprintOf = (fields: Fields, conditions: FieldValues): string =>
  createHash('sha256')
    .update(
      JSON.stringify(
        Object.keys(fields).flatMap((name) => (conditions[name] === undefined ? [] : [[name, conditions[name]]])),
      ),
    )
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
