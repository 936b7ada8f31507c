/** `DELETE /tasks/{id}` */
import { expectedVersions } from '../../platform/http/etag.ts';
import { parsePath } from '../../platform/http/input.ts';
import type { RouteFactory } from '../../platform/http/route.ts';
import { preconditions, problems, taskPath } from '../schemas.ts';

export const deleteTask: RouteFactory = ({ store }) => ({
  document: {
    method: 'delete',
    path: '/tasks/{id}',
    operationId: 'deleteTask',
    summary: 'Delete a task',
    request: { params: taskPath, headers: preconditions },
    responses: {
      204: { description: 'The task was deleted.' },
      ...problems('task_not_found', 'precondition_failed'),
    },
  },
  handle: async (c) => {
    const { id } = parsePath(c, taskPath);
    const expected = expectedVersions(c.req.header('if-match'), c.req.header('if-none-match'));
    await store.delete({ id, expected, traceparent: c.get('traceparent') });
    return c.body(null, 204);
  },
});
