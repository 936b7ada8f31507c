/** `PUT /tasks/{id}`: a full replacement. All fields are required, as a forgotten one would be reset in silence. */
import { z } from '@hono/zod-openapi';
import { expectedVersions } from '../../platform/http/etag.ts';
import { parseBody, parsePath } from '../../platform/http/input.ts';
import { respondWithTask, type RouteFactory } from '../../platform/http/route.ts';
import {
  BODY_PROBLEMS,
  dates,
  description,
  jsonBody,
  preconditions,
  priority,
  problems,
  storedDates,
  taskAnswerDoc,
  taskPath,
} from '../schemas.ts';

const body = z.strictObject({ description, priority, dates, isDone: z.boolean() }).openapi('UpdateTask', {
  example: { description: 'water the plants', priority: 'high', dates: { start: null, due: null }, isDone: true },
});

export const updateTask: RouteFactory = ({ store }) => ({
  document: {
    method: 'put',
    path: '/tasks/{id}',
    operationId: 'updateTask',
    summary: 'Replace a task',
    request: { params: taskPath, headers: preconditions, ...jsonBody(body) },
    responses: {
      200: taskAnswerDoc('The task as it is now.'),
      ...problems(...BODY_PROBLEMS, 'task_not_found', 'precondition_failed'),
    },
  },
  handle: async (c) => {
    const { id } = parsePath(c, taskPath);
    const expected = expectedVersions(c.req.header('if-match'), c.req.header('if-none-match'));
    const input = await parseBody(c, body);
    const task = await store.update({
      id,
      expected,
      description: input.description,
      priority: input.priority,
      ...storedDates(input.dates),
      isDone: input.isDone,
      traceparent: c.get('traceparent'),
    });
    return respondWithTask(c, task, 200);
  },
});
