/** `GET /<plural>/{id}` */
import { z } from '@hono/zod-openapi';
import { problems } from '../../platform/http/document.ts';
import { ENTITY_TAGS_PATTERN, etagOf, isKnownVersion } from '../../platform/http/etag.ts';
import { parsePath } from '../../platform/http/input.ts';
import { respondWith, type Route } from '../../platform/http/route.ts';
import { idPath, type Resource } from './resource.ts';

export const getRoute = ({ name, title, plural, tag, one, notFound, store }: Resource): Route => ({
  tag,
  access: 'read',
  document: {
    method: 'get',
    path: `/${plural}/{id}`,
    operationId: `get${title}`,
    summary: `Read one ${name}`,
    description: 'Straight from the database, as its last change left it.',
    request: {
      params: idPath,
      headers: z.object({
        'If-None-Match': z
          .string()
          .optional()
          .openapi({ pattern: ENTITY_TAGS_PATTERN, description: 'Entity tags the client has.' }),
      }),
    },
    responses: {
      200: one(`The ${name}.`),
      304: { description: 'The client has this version.' },
      ...problems(notFound),
    },
  },
  handle: async (c) => {
    const { id } = parsePath(c, idPath);
    const found = await store.read(id, c.get('actor'));
    if (isKnownVersion(c.req.header('if-none-match'), found.version)) {
      return c.body(null, 304, { etag: etagOf(found.version) });
    }
    return respondWith(c, name, found, 200);
  },
});
