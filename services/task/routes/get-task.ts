/** `GET /tasks/{id}` */
import { z } from '@hono/zod-openapi';
import { ENTITY_TAGS_PATTERN, etagOf, isKnownVersion } from '../../platform/http/etag.ts';
import { parsePath } from '../../platform/http/input.ts';
import { respondWithTask, type RouteFactory } from '../../platform/http/route.ts';
import { problems, taskAnswerDoc, taskPath } from '../schemas.ts';

export const getTask: RouteFactory = ({ store }) => ({
  document: {
    method: 'get',
    path: '/tasks/{id}',
    operationId: 'getTask',
    summary: 'Read a task',
    request: {
      params: taskPath,
      headers: z.object({
        'If-None-Match': z
          .string()
          .optional()
          .openapi({ pattern: ENTITY_TAGS_PATTERN, description: 'Entity tags the client has.' }),
      }),
    },
    responses: {
      200: taskAnswerDoc('The task.'),
      304: { description: 'The client has this version.' },
      ...problems('task_not_found'),
    },
  },
  handle: async (c) => {
    const { id } = parsePath(c, taskPath);
    const task = await store.read(id);
    if (isKnownVersion(c.req.header('if-none-match'), task.version)) {
      return c.body(null, 304, { etag: etagOf(task.version) });
    }
    return respondWithTask(c, task, 200);
  },
});
