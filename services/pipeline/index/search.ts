/** Search over an entity's index, guarded: what goes wrong there costs a bounded time, and nothing else. */
import { createHash } from 'node:crypto';
import { errors, type estypes } from '@elastic/elasticsearch';
import { z } from 'zod';
import { withPart } from '../../platform/elasticsearch-answer.ts';
import type { Actor } from '../../platform/auth/actor.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { decodeCursor, encodeCursor } from '../../platform/http/cursor.ts';
import {
  conditionsOf,
  highlightsOf,
  isRanked,
  isTimed,
  ordersOf,
  toQuery,
  type Fields,
  type FieldValues,
  type Order,
} from '../field.ts';
import { boundIn, OWNER } from '../owner.ts';
import { bytesOfId, ID_BYTES, idOfBytes, idSchema } from '../id.ts';
import { NOT_DELETED } from './deletion.ts';
import { searchUnavailable, type SearchBreaker } from './breaker.ts';
import { createCopies, type Choice, type CopiesOptions, type Sending } from './copies.ts';

export interface SearchRequest {
  /** What it does not reach is not found. */
  readonly actor: Actor;
  readonly conditions: FieldValues;
  /** `relevance`, `created` (the newest first), or an order of the fields. */
  readonly sort?: string;
  /** Fields by whose values the hits are counted. */
  readonly facets?: readonly string[];
  /** Whether the page shows where the words of the search stand. */
  readonly highlight?: boolean;
  readonly from: number;
  readonly size: number;
  readonly cursor: string | undefined;
}

export interface SearchPage {
  /** Documents as they were indexed. */
  readonly hits: readonly unknown[];
  readonly total: number;
  readonly nextCursor: string | null;
  /** By field the most frequent values; without those that were not asked for. */
  readonly facets: Readonly<Record<string, readonly FacetCount[]>>;
  /** By id and field: its text as HTML, with the words of the search in `<mark>`. Nothing for a hit that has none of them. */
  readonly highlights: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface FacetCount {
  readonly value: string | number | boolean;
  readonly count: number;
}

export interface EntitySearch {
  /**
   * @throws TaskstreamError `cursor_invalid`, `validation_failed` for more words than the server takes, or
   * `search_unavailable`, also when a part of the index does not answer
   */
  find(request: SearchRequest): Promise<SearchPage>;
}

export interface SearchOptions extends CopiesOptions {
  readonly fields: Fields;
  /** As the entity says. */
  readonly isOwned: boolean | undefined;
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
/** Orders that every entity has. */
export const COMMON_ORDERS = ['relevance', 'created'] as const;
/** Above every date and number: what sorts as one that has no value. It is no `_last`, whose sort value no double holds. */
const MISSING = Number.MAX_SAFE_INTEGER;
/** Values of a field that are counted, the most frequent ones. */
export const FACET_VALUES = 100;
/** Values that each shard counts for them: with more of them than this, and several shards, rare ones may be counted short. */
const SHARD_FACET_VALUES = 1_000;
const FACET = 'facet-';

/** The whole text, so encoded that it may stand in a page as it is. */
const HIGHLIGHT: Omit<estypes.SearchHighlight, 'fields'> = {
  type: 'unified',
  encoder: 'html',
  number_of_fragments: 0,
  pre_tags: ['<mark>'],
  post_tags: ['</mark>'],
};

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
  /** The last hit that came by age, or in the order that was asked for. */
  after: idSchema.optional(),
  /** By what that hit was sorted, in an order that was asked for. */
  value: z.number().optional(),
  /** When the search began, where that matters. */
  nowMs: z.int().optional(),
});

type Position = z.infer<typeof positionSchema>;

const encodePosition = ({ ranked, ...position }: Position): string =>
  encodeCursor({ ...position, ranked: Buffer.concat(ranked.map(bytesOfId)).toString('base64url') });

/** What a search asks for, whichever of its pages. */
interface Asked {
  readonly conditions: FieldValues;
  /** The owner of all that may be found; nothing without a bound. */
  readonly bound: string | undefined;
  readonly order: Order | undefined;
  readonly facets: readonly string[];
  readonly highlight: boolean;
  /** Its {@link fingerprintOf}. */
  readonly query: string;
  readonly nowMs: number;
}

/** A stretch of the hits of a query. */
interface Stretch {
  readonly sort: estypes.Sort;
  readonly size: number;
  /** Hits to pass over, or the sort values of the one before. */
  readonly from: number | readonly (string | number)[];
  readonly except: readonly string[];
}

interface Hit {
  readonly id: string;
  readonly value: unknown;
  readonly source: unknown;
  /** Parts of the text by field: all of it, as there is one. */
  readonly highlight: Readonly<Record<string, readonly string[]>> | undefined;
}

interface Found {
  readonly hits: readonly Hit[];
  /** Number of all hits, with the excepted ones. */
  readonly total: number;
  readonly facets: SearchPage['facets'];
}

interface Aggregations {
  readonly [name: string]: estypes.AggregationsAggregate;
}

export const createSearch = (options: SearchOptions): EntitySearch => {
  const { client, alias, fields, isOwned, breaker } = options;
  const [orders, highlights] = [ordersOf(fields), highlightsOf(fields)];
  const ask = createCopies(options);

  const read = async (asked: Asked, { sort, size, from, except }: Stretch): Promise<Found> => {
    const { conditions, bound, order, facets, highlight, query, nowMs } = asked;
    const send = async (choice: Choice, sending: Sending) => {
      const answer = await client.search<unknown, Aggregations>(
        {
          index: alias,
          query: inOrder(toQuery(fields, conditions, nowMs), bound, order),
          sort,
          size,
          track_total_hits: true,
          // Hits and total of the shards that answer would look like those of all.
          allow_partial_search_results: false,
          ...choice,
          // What the answer is made of: half of what would be sent and parsed otherwise.
          filter_path: [
            'hits.total',
            'hits.hits._source',
            'hits.hits.sort',
            'hits.hits.highlight',
            'aggregations.*.doc_count',
            'aggregations.*.buckets',
          ],
          ...(except.length === 0 ? {} : { post_filter: { bool: { must_not: { terms: { id: [...except] } } } } }),
          // They do not see that filter: what is counted has the hits that are left out.
          aggregations: {
            ...(except.length === 0 ? {} : { all: { filter: { match_all: {} } } }),
            ...Object.fromEntries(
              facets.map((name) => [
                FACET + name,
                { terms: { field: name, size: FACET_VALUES, shard_size: SHARD_FACET_VALUES } },
              ]),
            ),
          },
          ...(highlight ? { highlight: { ...HIGHLIGHT, fields: highlights } } : {}),
          ...(typeof from === 'number' ? { from } : { search_after: [...from] }),
        },
        sending,
      );
      return withPart(answer, 'hits');
    };
    const response = await breaker
      .run(() => ask(query, send))
      .catch((error: unknown) => {
        if (isTooManyTerms(error)) throw tooManyTerms(error, conditions);
        // What clients may ask is judged before: an index that is closed, or set up by somebody else, refuses each query. It
        // answers, and at once, so the breaker need not spare it.
        throw error instanceof errors.ResponseError ? searchUnavailable(error, RETRY_AFTER_MS) : error;
      });
    const counted = response.hits.total;
    const { all, ...counts } = response.aggregations ?? {};
    return {
      // Without a hit, the filter leaves the list out.
      hits: ('hits' in response.hits ? response.hits.hits : []).map((hit) => ({
        id: String(hit.sort?.at(-1)),
        value: hit.sort?.[0],
        source: hit._source,
        highlight: hit.highlight,
      })),
      total: docCountOf(all) ?? (typeof counted === 'number' ? counted : (counted?.value ?? 0)),
      facets: Object.fromEntries(facets.map((name) => [name, countsIn(counts[FACET + name])])),
    };
  };

  /** Whose page it is: what each cursor of it says. */
  const atOf = ({ query, nowMs, conditions }: Asked) => ({ query, ...(isTimed(fields, conditions) ? { nowMs } : {}) });

  /** A page in an order that was asked for. */
  const readInOrder = async (asked: Asked, order: Order, { from, size }: SearchRequest, before: Position) => {
    const sort = sortOf(order);
    const start = before.after === undefined || before.value === undefined ? from : [before.value, before.after];
    const { hits, total, facets } = await read(asked, { sort, size, from: start, except: [] });
    const last = hits.at(-1);
    const isLast = last === undefined || hits.length < size;
    const position = { ...atOf(asked), ranked: [], after: last?.id, value: Number(last?.value) };
    const nextCursor = isLast ? null : encodePosition(position);
    return { ...shown(hits), total, facets, nextCursor };
  };

  return {
    find: async (request) => {
      const { actor, conditions, sort = 'relevance', facets = [], highlight = false, from, size, cursor } = request;
      const bound = boundIn({ isOwned }, actor);
      const query = fingerprintOf(fields, conditions, sort, bound);
      const position = positionOf(cursor, query);
      const { ranked: before, after, nowMs } = position;
      const order = orders[sort];
      const asked: Asked = { conditions, bound, order, facets, highlight, query, nowMs };
      if (order !== undefined) return readInOrder(asked, order, request, position);
      const room = sort === 'relevance' && isRanked(fields, conditions) ? RANKED_HITS - before.length : 0;

      // The hits that `from` passes over are read too, as the next page must leave them out.
      const byScore = Math.min(from + size, room);
      const best = room > 0 ? await read(asked, { sort: BY_SCORE, size: byScore, from: 0, except: before }) : NONE;
      const ranked = [...before, ...best.hits.map(({ id }) => id)];
      const first = best.hits.slice(from);

      // No hits are left where there are fewer than asked for.
      const isFull = room > 0 && (best.hits.length < byScore || byScore === from + size);
      const others = isFull
        ? NONE
        : await read(asked, {
            sort: BY_AGE,
            size: size - first.length,
            from: after === undefined ? Math.max(0, from - best.hits.length) : [after],
            except: ranked,
          });
      const hits = [...first, ...others.hits];
      const last = others.hits.at(-1)?.id ?? after;
      return {
        ...shown(hits),
        total: isFull ? best.total : others.total,
        facets: isFull ? best.facets : others.facets,
        nextCursor:
          hits.length === 0 || hits.length < size
            ? null
            : encodePosition({
                ...atOf(asked),
                ranked,
                ...(last === undefined ? {} : { after: last }),
              }),
      };
    },
  };
};

const shown = (hits: readonly Hit[]): Pick<SearchPage, 'hits' | 'highlights'> => ({
  hits: hits.map(({ source }) => source),
  highlights: Object.fromEntries(
    hits.flatMap(({ id, highlight }) =>
      highlight === undefined
        ? []
        : [[id, Object.fromEntries(Object.entries(highlight).map(([name, texts]) => [name, texts.join('')]))]],
    ),
  ),
});

const NONE: Found = { hits: [], total: 0, facets: {} };

/** What is found, and with the scores that the order goes by, where it goes by any. */
export const inOrder = (
  query: estypes.QueryDslQueryContainer,
  bound: string | undefined,
  order: Order | undefined,
): estypes.QueryDslQueryContainer => {
  // As the alias does, which somebody may have set anew without its filter.
  const filter = [NOT_DELETED, ...(bound === undefined ? [] : [{ term: { [OWNER]: bound } }])];
  if (order === undefined) return { bool: { must: [query], filter } };
  const { path, ranks = [] } = order;
  return {
    bool: {
      filter: [query, ...filter],
      // A rank is a score, as there are no scripts everywhere: the stock modules may be away.
      should: ranks.map((word, rank) => ({
        constant_score: { filter: { term: { [path]: word } }, boost: rank + 1 },
      })),
    },
  };
};

const sortOf = ({ path, ranks }: Order): estypes.Sort =>
  ranks !== undefined ? BY_SCORE : [{ [path]: { order: 'asc', missing: MISSING } }, { id: { order: 'desc' } }];

const docCountOf = (aggregate: object | undefined): number | undefined =>
  aggregate !== undefined && 'doc_count' in aggregate ? Number(aggregate.doc_count) : undefined;

const bucketSchema = z.object({
  key: z.union([z.string(), z.number()]),
  key_as_string: z.string().optional(),
  doc_count: z.int(),
});
/** Without a hit there are no buckets. */
const bucketsSchema = z.object({ buckets: z.array(bucketSchema).default([]) }).default({ buckets: [] });

/** Of a field that is true or false, the key is a number, and only its text says what it means. */
const countsIn = (aggregate: unknown): FacetCount[] =>
  bucketsSchema.parse(aggregate).buckets.map(({ key, key_as_string: text, doc_count: count }) => ({
    value: text === undefined ? key : text === 'true',
    count,
  }));

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
const fingerprintOf = (fields: Fields, conditions: FieldValues, sort: string, bound: string | undefined): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        ...conditionsOf(fields).flatMap(([name]) => (conditions[name] === undefined ? [] : [[name, conditions[name]]])),
        ...(sort === 'relevance' ? [] : [['sort', sort]]),
        ...(bound === undefined ? [] : [['bound', bound]]),
      ]),
    )
    .digest('base64url')
    .slice(0, 16);

type Begun = Position & { readonly nowMs: number };

const positionOf = (cursor: string | undefined, query: string): Begun => {
  // eslint-disable-next-line no-restricted-syntax -- compared with dates that people wrote
  const nowMs = Date.now();
  if (cursor === undefined) return { query, nowMs, ranked: [] };
  const decoded = decodeCursor(cursor, positionSchema);
  const position = { ...decoded, nowMs: decoded.nowMs ?? nowMs };
  if (position.query !== query) {
    throw new TaskstreamError(
      'cursor_invalid',
      'This cursor belongs to another query; send it with the conditions it came from.',
    );
  }
  return position;
};
