/** `POST /<plural>/search`: all given conditions must hold; the best matches come first, then the newest. */
import { z } from '@hono/zod-openapi';
import { TaskstreamError } from '../../platform/errors.ts';
import { answer, BODY_PROBLEMS, jsonBody, problems } from '../../platform/http/document.ts';
import { parseBody } from '../../platform/http/input.ts';
import type { Route } from '../../platform/http/route.ts';
import { checkOwner } from '../owner.ts';
import { byName, conditionsOf, conditionsShape, facetsOf, ordersOf, type FieldValues } from '../field.ts';
import { COMMON_ORDERS, FACET_VALUES, RANKED_HITS } from '../index/search.ts';
import type { Resource } from './resource.ts';

const DEFAULT_SIZE = 10;
const MAX_SIZE = 100;
/** Elasticsearch's own bound on `from + size` (`index.max_result_window`). */
const MAX_WINDOW = 10_000;

const paging = {
  from: z
    .int({ abort: true })
    .min(0, { error: 'must not be negative' })
    .nullish()
    .openapi({
      maximum: MAX_WINDOW,
      description: `Hits to pass over; default 0. from + size: ${MAX_WINDOW} at most. Pages by \`from\` shift when others write; pages by \`cursor\` do not.`,
    }),
  size: z
    .int({ abort: true })
    .min(0, { error: 'must not be negative' })
    .max(MAX_SIZE, { error: `must not be above ${MAX_SIZE}` })
    .nullish()
    .openapi({ description: `Hits of a page; default ${DEFAULT_SIZE}.` }),
  cursor: z.string().nullish().openapi({
    description:
      'The `nextCursor` of the page before, with the same conditions, instead of `from`. It does not expire, but another version of the API may refuse it.',
  }),
};

/** How the hits are ordered, counted and shown. */
const orderAndView = ({ title, fields }: Pick<Resource, 'title' | 'fields'>) => {
  const [orders, facets] = [ordersOf(fields), facetsOf(fields)];
  const told = Object.entries(orders).map(([name, { description }]) => ` \`${name}\`: ${description}.`);
  return {
    sort: byName(`${title}Order`, z.enum([...COMMON_ORDERS, ...Object.keys(orders)]))
      .nullish()
      .openapi({
        description: `Default \`relevance\`: the best matches first. \`created\`: the newest first.${told.join('')}`,
      }),
    facets: z
      // A list of nothing has no names.
      .array(facets.length === 0 ? z.string() : byName(`${title}Facet`, z.enum(facets)))
      .max(facets.length, { error: `must not be more than ${facets.length}` })
      .nullish()
      .openapi({
        description: `Fields by whose values all hits are counted, whichever page is shown: the ${FACET_VALUES} most frequent values of each.`,
      }),
    highlight: z.boolean().nullish().openapi({
      description: 'Whether the answer shows where the words of the search stand in the hits (`highlights`).',
    }),
  };
};

export const searchRoute = (resource: Resource): Route => {
  const { title, plural, pluralTitle, tag, entity, fields, examples, shown, search } = resource;
  const body = z
    .strictObject({
      ...conditionsShape(fields),
      ...orderAndView(resource),
      ...paging,
    })
    .openapi(`Search${pluralTitle}`, { example: examples.search });
  const page = z
    .object({
      [plural]: z.array(shown),
      total: z.int().openapi({ description: 'Number of all hits, exact.' }),
      facets: z
        .record(
          z.string(),
          z.array(
            z
              .object({ value: z.union([z.string(), z.number(), z.boolean()]), count: z.int() })
              .openapi('FacetValue', { description: 'A value, and how many of all hits have it.' }),
          ),
        )
        .optional()
        .openapi({ description: 'By field, where the search asks for any.' }),
      highlights: z.record(z.string(), z.record(z.string(), z.string())).optional().openapi({
        description:
          'Where the search asks for them: by id and field the text as HTML, each word that was found in `<mark>`. Signs such as `<` are encoded, so that it may stand in a page as it is.',
      }),
      nextCursor: z.string().nullable().openapi({
        description: `Leads on to any depth; null on the last page. By relevance and creation, what matches all the time comes exactly once, whatever is written meanwhile; in other orders, what is moved within the order meanwhile may come twice or not at all.`,
      }),
    })
    .openapi(`${title}SearchPage`);
  return {
    tag,
    access: 'read',
    document: {
      method: 'post',
      path: `/${plural}/search`,
      operationId: `search${pluralTitle}`,
      summary: `Search ${plural}`,
      description: `All conditions must hold. Where nothing else is said by \`sort\`, the ${RANKED_HITS} best matches come first, the others newest first; without words all come newest first. Changes show in search about a second after they were acknowledged.`,
      request: jsonBody(body),
      responses: {
        200: answer('A page of hits.', page),
        ...problems(...BODY_PROBLEMS, 'cursor_invalid', 'page_too_deep', 'search_unavailable'),
      },
    },
    handle: async (c) => {
      const asked = await parseBody(c, body);
      const given: FieldValues = asked;
      // Null is as good as not given.
      const [from, cursor, size] = [asked.from ?? undefined, asked.cursor ?? undefined, asked.size ?? DEFAULT_SIZE];
      const conditions = Object.fromEntries(
        conditionsOf(fields).flatMap(([name]) => {
          const value = given[name] ?? undefined;
          return value === undefined ? [] : [[name, value]];
        }),
      );
      if (from !== undefined && cursor !== undefined) {
        throw new TaskstreamError('validation_failed', 'Give either from or cursor, not both.', {
          details: [{ path: 'from', message: 'must not be given together with cursor' }],
        });
      }
      if ((from ?? 0) + size > MAX_WINDOW) {
        throw new TaskstreamError(
          'page_too_deep',
          `from + size must not be above ${MAX_WINDOW}; go on with nextCursor instead.`,
        );
      }
      const actor = c.get('actor');
      checkOwner(entity, actor, conditions);
      const found = await search.find({
        actor,
        conditions,
        sort: asked.sort ?? 'relevance',
        facets: asked.facets ?? [],
        highlight: asked.highlight ?? false,
        from: from ?? 0,
        size,
        cursor,
      });
      const { hits, total, facets, highlights, nextCursor } = found;
      return c.json({
        ...{ [plural]: hits, total },
        ...(asked.facets ? { facets } : {}),
        ...(asked.highlight === true ? { highlights } : {}),
        nextCursor,
      });
    },
  };
};
