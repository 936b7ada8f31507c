/** `DELETE /<plural>/{id}` */
import { problems } from '../../platform/http/document.ts';
import { expectedVersions } from '../../platform/http/etag.ts';
import { parsePath } from '../../platform/http/input.ts';
import type { Route } from '../../platform/http/route.ts';
import { idPath, preconditions, type Resource } from './resource.ts';

export const deleteRoute = ({ name, title, plural, tag, notFound, store }: Resource): Route => ({
  tag,
  access: 'write',
  document: {
    method: 'delete',
    path: `/${plural}/{id}`,
    operationId: `delete${title}`,
    summary: `Delete one ${name}`,
    description: 'There is no way back.',
    request: { params: idPath, headers: preconditions(name) },
    responses: {
      204: { description: `The ${name} was deleted.` },
      ...problems(notFound, 'precondition_failed', 'outbox_full'),
    },
  },
  handle: async (c) => {
    const { id } = parsePath(c, idPath);
    const expected = expectedVersions(c.req.header('if-match'), c.req.header('if-none-match'));
    await store.delete({ id, actor: c.get('actor'), expected, ...c.get('traceHeaders') });
    return c.body(null, 204);
  },
});
