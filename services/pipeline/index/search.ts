/** Search over an entity's index, guarded: what goes wrong there costs a bounded time, and nothing else. */
import { createHash } from 'node:crypto';
import { errors, type Client, type estypes } from '@elastic/elasticsearch';
import { z } from 'zod';
import { withPart } from '../../platform/elasticsearch-answer.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { decodeCursor, encodeCursor } from '../../platform/http/cursor.ts';
import { isRanked, toQuery, type Fields, type FieldValues } from '../field.ts';
import { bytesOfId, ID_BYTES, idOfBytes, idSchema } from '../id.ts';
import { NOT_DELETED } from './deletion.ts';
import { searchUnavailable, type SearchBreaker } from './breaker.ts';

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

/**
 * As many hits come in the order of their scores, those after them newest first. A score holds statistics of its shard,
 * which every write changes, so a page cannot begin at one: it leaves out the hits of the pages before, which the cursor
 * names by their ids. The number bounds the cursor.
 */
export const RANKED_HITS = 200;

/** For a client whose search the index refuses: a person has to do something first. */
const RETRY_AFTER_MS = 5_000;

/** The best match first; among equals the newest, as ids are in order of creation. */
export const BY_SCORE: estypes.Sort = [{ _score: { order: 'desc' } }, { id: { order: 'desc' } }];
const BY_AGE: estypes.Sort = [{ id: { order: 'desc' } }];

const rankedSchema = z
  .base64url()
  .transform((text) => Buffer.from(text, 'base64url'))
  .refine(({ length }) => length % ID_BYTES === 0 && length <= RANKED_HITS * ID_BYTES)
  .transform((bytes) => Array.from({ length: bytes.length / ID_BYTES }, (_, n) => idOfBytes(bytes, n * ID_BYTES)));

/** Where a page ended, and of which query it is. */
const positionSchema = z.object({
  query: z.string(),
  /** Hits that came by score. */
  ranked: rankedSchema,
  /** The last hit that came by age. */
  after: idSchema.optional(),
});

type Position = z.infer<typeof positionSchema>;

const encodePosition = ({ ranked, ...position }: Position): string =>
  encodeCursor({ ...position, ranked: Buffer.concat(ranked.map(bytesOfId)).toString('base64url') });

/** A stretch of the hits of a query. */
interface Stretch {
  readonly sort: estypes.Sort;
  readonly size: number;
  /** Hits to pass over, or the id of the one before. */
  readonly from: number | string;
  readonly except: readonly string[];
}

interface Found {
  readonly hits: readonly { readonly id: string; readonly source: unknown }[];
  /** Number of all hits, with the excepted ones. */
  readonly total: number;
}

export const createSearch = ({ client, alias, fields, timeoutMs, breaker }: SearchOptions): EntitySearch => {
  const read = async (conditions: FieldValues, query: string, stretch: Stretch): Promise<Found> => {
    const { sort, size, from, except } = stretch;
    const found = breaker.run(async () => {
      const answer = await client.search<unknown, { all?: estypes.AggregationsSingleBucketAggregateBase }>(
        {
          index: alias,
          // As the alias does, which somebody may have set anew without its filter.
          query: { bool: { must: [toQuery(fields, conditions)], filter: [NOT_DELETED] } },
          sort,
          size,
          track_total_hits: true,
          // Hits and total of the shards that answer would look like those of all.
          allow_partial_search_results: false,
          // One replica may show a change later than another: pages of one query must come from the same one.
          // (Elasticsearch reserves names that begin with an underscore, which a hash may do.)
          preference: `query-${query}`,
          // What the answer is made of: half of what would be sent and parsed otherwise.
          filter_path: ['hits.total', 'hits.hits._source', 'hits.hits.sort', 'aggregations.all.doc_count'],
          ...(except.length === 0 ? {} : leaveOut(except)),
          ...(typeof from === 'number' ? { from } : { search_after: [from] }),
        },
        { requestTimeout: timeoutMs },
      );
      return withPart(answer, 'hits');
    });
    const response = await found.catch((error: unknown) => {
      if (isTooManyTerms(error)) throw tooManyTerms(error, conditions);
      // What clients may ask is judged before: an index that is closed, or set up by somebody else, refuses each query. It
      // answers, and at once, so the breaker need not spare it.
      throw error instanceof errors.ResponseError ? searchUnavailable(error, RETRY_AFTER_MS) : error;
    });
    const counted = response.hits.total;
    const all = response.aggregations?.all;
    return {
      // Without a hit, the filter leaves the list out.
      hits: ('hits' in response.hits ? response.hits.hits : []).map((hit) => ({
        id: String(hit.sort?.at(-1)),
        source: hit._source,
      })),
      total: all?.doc_count ?? (typeof counted === 'number' ? counted : (counted?.value ?? 0)),
    };
  };

  return {
    find: async ({ conditions, from, size, cursor }) => {
      const query = fingerprintOf(fields, conditions);
      const { ranked: before, after } = positionOf(cursor, query);
      const room = isRanked(fields, conditions) ? RANKED_HITS - before.length : 0;

      // The hits that `from` passes over are read too, as the next page must leave them out.
      const byScore = Math.min(from + size, room);
      const best =
        room > 0 ? await read(conditions, query, { sort: BY_SCORE, size: byScore, from: 0, except: before }) : NONE;
      const ranked = [...before, ...best.hits.map(({ id }) => id)];
      const first = best.hits.slice(from);

      // No hits are left where there are fewer than asked for.
      const isFull = room > 0 && (best.hits.length < byScore || byScore === from + size);
      const others = isFull
        ? NONE
        : await read(conditions, query, {
            sort: BY_AGE,
            size: size - first.length,
            from: after ?? Math.max(0, from - best.hits.length),
            except: ranked,
          });
      const hits = [...first, ...others.hits];
      const last = others.hits.at(-1)?.id ?? after;
      return {
        hits: hits.map(({ source }) => source),
        total: isFull ? best.total : others.total,
        nextCursor:
          hits.length === 0 || hits.length < size
            ? null
            : encodePosition({ query, ranked, ...(last === undefined ? {} : { after: last }) }),
      };
    },
  };
};

const NONE: Found = { hits: [], total: 0 };

/** The total counts the hits that are left out: the aggregation does not see the filter. */
const leaveOut = (ids: readonly string[]) => ({
  post_filter: { bool: { must_not: { terms: { id: [...ids] } } } },
  aggregations: { all: { filter: { match_all: {} } } },
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

const positionOf = (cursor: string | undefined, query: string): Position => {
  if (cursor === undefined) return { query, ranked: [] };
  const position = decodeCursor(cursor, positionSchema);
  if (position.query !== query) {
    throw new TaskstreamError(
      'cursor_invalid',
      'This cursor belongs to another query; send it with the conditions it came from.',
    );
  }
  return position;
};
