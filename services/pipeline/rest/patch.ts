/**
 * `PATCH /<plural>/{id}`: a JSON Merge Patch (RFC 7396). It is merged under the lock of the row, so that two clients which change
 * different fields lose nothing of each other's.
 */
import { BODY_PROBLEMS, jsonBody, problems } from '../../platform/http/document.ts';
import { expectedVersions } from '../../platform/http/etag.ts';
import { parseBody, parsePath } from '../../platform/http/input.ts';
import { respondWith, type Route } from '../../platform/http/route.ts';
import { columnsToPatch } from '../field.ts';
import { idPath, preconditions, type Resource } from './resource.ts';

export const patchRoute = (resource: Resource): Route => {
  const { name, title, plural, pluralTitle, fields, bodies, one, notFound, store } = resource;
  return {
    access: 'write',
    document: {
      method: 'patch',
      path: `/${plural}/{id}`,
      tags: [pluralTitle],
      operationId: `patch${title}`,
      summary: `Change some fields of one ${name}`,
      description: 'What the body does not name stays as it is; null takes a value away.',
      request: {
        params: idPath,
        headers: preconditions(name),
        ...jsonBody(bodies.patch, ['application/merge-patch+json', 'application/json']),
      },
      responses: {
        200: one(`The ${name} as it is now.`),
        ...problems(...BODY_PROBLEMS, notFound, 'precondition_failed', 'outbox_full'),
      },
    },
    handle: async (c) => {
      const { id } = parsePath(c, idPath);
      const expected = expectedVersions(c.req.header('if-match'), c.req.header('if-none-match'));
      const columns = columnsToPatch(fields, await parseBody(c, bodies.patch));
      const patched = await store.update({ id, expected, columns, ...c.get('traceHeaders') });
      return respondWith(c, name, patched, 200);
    },
  };
};
