/**
 * `PUT /<plural>/{id}`, a full replacement whose fields are required, as a forgotten one would be reset in silence, and
 * `PATCH /<plural>/{id}`, a JSON Merge Patch (RFC 7396). It is merged under the lock of the row, so that two clients which change
 * different fields lose nothing of each other's.
 */
import { BODY_PROBLEMS, jsonBody, problems } from '../../platform/http/document.ts';
import { expectedVersions } from '../../platform/http/etag.ts';
import { parseBody, parsePath } from '../../platform/http/input.ts';
import { respondWith, type Route } from '../../platform/http/route.ts';
import { columnsToPatch, columnsToUpdate, SET_BY_SERVICE, type Fields, type FieldValues } from '../field.ts';
import { checkOwner } from '../owner.ts';
import { idPath, preconditions, type Resource } from './resource.ts';

interface Change {
  readonly method: 'put' | 'patch';
  /** Which body, and the first word of the operation's name. */
  readonly kind: 'update' | 'patch';
  readonly summary: string;
  readonly description: string;
  readonly mediaTypes?: readonly string[];
  readonly toColumns: (fields: Fields, body: FieldValues) => FieldValues;
}

const changeRoute = (resource: Resource, { method, kind, toColumns, mediaTypes, ...told }: Change): Route => {
  const { name, title, plural, tag, entity, fields, bodies, one, notFound, store } = resource;
  return {
    tag,
    access: 'write',
    document: {
      method,
      path: `/${plural}/{id}`,
      operationId: `${kind}${title}`,
      ...told,
      request: { params: idPath, headers: preconditions(name), ...jsonBody(bodies[kind], mediaTypes) },
      responses: {
        200: one(`The ${name} as it is now.`),
        ...problems(...BODY_PROBLEMS, notFound, 'precondition_failed', 'outbox_full'),
      },
    },
    handle: async (c) => {
      const { id } = parsePath(c, idPath);
      const actor = c.get('actor');
      const expected = expectedVersions(c.req.header('if-match'), c.req.header('if-none-match'));
      const body = await parseBody(c, bodies[kind], SET_BY_SERVICE);
      checkOwner(entity, actor, body);
      const columns = toColumns(fields, body);
      const changed = await store.update({ id, actor, expected, columns, ...c.get('traceHeaders') });
      return respondWith(c, name, changed, 200);
    },
  };
};

export const updateRoute = (resource: Resource): Route =>
  changeRoute(resource, {
    method: 'put',
    kind: 'update',
    summary: `Replace one ${resource.name}`,
    description:
      'A full replacement: a forgotten field would be reset in silence, so all are required that the first release had. A later one that is left out stays as it is. What the service sets, such as `id` and `version`, must be left out.',
    toColumns: columnsToUpdate,
  });

export const patchRoute = (resource: Resource): Route =>
  changeRoute(resource, {
    method: 'patch',
    kind: 'patch',
    summary: `Change some fields of one ${resource.name}`,
    description: 'What the body does not name stays as it is; null takes a value away.',
    mediaTypes: ['application/merge-patch+json', 'application/json'],
    toColumns: columnsToPatch,
  });
