/** `POST /tasks` */
import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { v7 as uuidv7 } from 'uuid';
import { IDEMPOTENCY_KEY_PATTERN, idempotencyKeyOf } from '../../platform/http/idempotency-key.ts';
import { parseBody } from '../../platform/http/input.ts';
import { respondWithTask, type RouteFactory } from '../../platform/http/route.ts';
import {
  BODY_PROBLEMS,
  dates,
  description,
  jsonBody,
  priority,
  problems,
  storedDates,
  taskAnswerDoc,
} from '../schemas.ts';

const body = z
  .strictObject({ description, priority: priority.default('none'), dates: dates.nullish() })
  .openapi('CreateTask', { example: { description: 'water the plants', priority: 'low' } });

export const createTask: RouteFactory = ({ store }) => ({
  document: {
    method: 'post',
    path: '/tasks',
    operationId: 'createTask',
    summary: 'Create a task',
    request: {
      headers: z.object({
        'Idempotency-Key': z.string().optional().openapi({
          pattern: IDEMPOTENCY_KEY_PATTERN,
          description:
            'Any text of 1 to 255 visible ASCII characters, plain or in quotes, which are not part of it. The same key with the same body never makes a second task: the first answer is given again.',
        }),
      }),
      ...jsonBody(body),
    },
    responses: {
      201: taskAnswerDoc('The task was created, now or by an earlier request with the same key.', {
        Location: { schema: { type: 'string' }, description: 'Path of the task.' },
        'Idempotent-Replayed': {
          schema: { type: 'string', enum: ['true'] },
          description: 'Given when an earlier request had created the task.',
        },
      }),
      ...problems(...BODY_PROBLEMS, 'idempotency_key_reused'),
    },
  },
  handle: async (c) => {
    const input = await parseBody(c, body);
    const header = c.req.header('idempotency-key');
    const key = header === undefined ? undefined : idempotencyKeyOf(header);
    const fields = { description: input.description, priority: input.priority, ...storedDates(input.dates) };
    const task = await store.create({
      ...fields,
      id: uuidv7(),
      traceparent: c.get('traceparent'),
      // The hash is of the request as it was understood, so that spaces and the order of fields do not matter.
      idempotency: key === undefined ? undefined : { key, requestHash: sha256(JSON.stringify(fields)) },
    });
    return respondWithTask(c, task, 201, {
      location: `/tasks/${task.id}`,
      ...(task.replayed ? { 'idempotent-replayed': 'true' } : {}),
    });
  },
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
