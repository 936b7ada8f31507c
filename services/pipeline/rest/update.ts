/** `PUT /<plural>/{id}`: a full replacement. Fields are required, as a forgotten one would be reset in silence. */
import { BODY_PROBLEMS, jsonBody, problems } from '../../platform/http/document.ts';
import { expectedVersions } from '../../platform/http/etag.ts';
import { parseBody, parsePath } from '../../platform/http/input.ts';
import { respondWith, type Route } from '../../platform/http/route.ts';
import { columnsToUpdate } from '../field.ts';
import { idPath, preconditions, type Resource } from './resource.ts';

export const updateRoute = (resource: Resource): Route => {
  const { name, title, plural, pluralTitle, fields, bodies, one, notFound, store } = resource;
  return {
    access: 'write',
    document: {
      method: 'put',
      path: `/${plural}/{id}`,
      tags: [pluralTitle],
      operationId: `update${title}`,
      summary: `Replace one ${name}`,
      request: { params: idPath, headers: preconditions(name), ...jsonBody(bodies.update) },
      responses: {
        200: one(`The ${name} as it is now.`),
        ...problems(...BODY_PROBLEMS, notFound, 'precondition_failed', 'outbox_full'),
      },
    },
    handle: async (c) => {
      const { id } = parsePath(c, idPath);
      const expected = expectedVersions(c.req.header('if-match'), c.req.header('if-none-match'));
      const input = await parseBody(c, bodies.update);
      const columns = columnsToUpdate(fields, input);
      const updated = await store.update({ id, expected, columns, ...c.get('traceHeaders') });
      return respondWith(c, name, updated, 200);
    },
  };
};
