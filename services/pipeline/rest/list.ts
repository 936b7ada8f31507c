/** `GET /<plural>`: straight from PostgreSQL, newest first, by keyset. */
import { z } from '@hono/zod-openapi';
import { decodeCursor, encodeCursor } from '../../platform/http/cursor.ts';
import { answer, problems } from '../../platform/http/document.ts';
import { parseQuery } from '../../platform/http/input.ts';
import type { Route } from '../../platform/http/route.ts';
import { idSchema } from '../id.ts';
import type { Resource } from './resource.ts';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const limitError = `must be a whole number from 1 to ${MAX_LIMIT}`;

const query = z.strictObject({
  limit: z
    .string({ error: limitError })
    .regex(/^\d{1,9}$/, { error: limitError })
    .transform(Number)
    .pipe(z.int().min(1, { error: limitError }).max(MAX_LIMIT, { error: limitError }))
    .optional()
    .openapi({
      type: 'integer',
      minimum: 1,
      maximum: MAX_LIMIT,
      description: `${limitError}; ${DEFAULT_LIMIT} when not given.`,
    }),
  cursor: z
    .string({ error: 'must be given once' })
    .optional()
    .openapi({ description: 'The `nextCursor` of the page before.' }),
});

const position = z.object({ before: idSchema });

export const listRoute = ({ title, plural, pluralTitle, tag, shown, store }: Resource): Route => {
  const page = z
    .object({
      [plural]: z.array(shown),
      nextCursor: z.string().nullable().openapi({ description: 'Null on the last page.' }),
    })
    .openapi(`${title}Page`);
  return {
    tag,
    access: 'read',
    document: {
      method: 'get',
      path: `/${plural}`,
      operationId: `list${pluralTitle}`,
      summary: `List ${plural}, newest first`,
      description: `Straight from the database, a page at a time: what was there all the time comes exactly once, whatever is written meanwhile.`,
      request: { query },
      responses: { 200: answer(`A page of ${plural}.`, page), ...problems('cursor_invalid') },
    },
    handle: async (c) => {
      const { limit = DEFAULT_LIMIT, cursor } = parseQuery(c, query);
      const before = cursor === undefined ? undefined : decodeCursor(cursor, position).before;
      // One more than asked for tells whether there is a next page.
      const found = await store.list(c.get('actor'), limit + 1, before);
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      const nextCursor = last === undefined ? null : encodeCursor({ before: last.id });
      return c.body(
        `{"${plural}":[${items.map(({ json }) => json).join()}],"nextCursor":${JSON.stringify(nextCursor)}}`,
        200,
        { 'content-type': 'application/json' },
      );
    },
  };
};
