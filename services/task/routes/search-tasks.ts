/** `POST /tasks/search`: all given conditions must hold; the best match comes first. */
import { z } from '@hono/zod-openapi';
import { TaskstreamError } from '../../platform/errors.ts';
import { MAX_DESCRIPTION_LENGTH } from '../events.ts';
import { isUpTo } from '../text.ts';
import { parseBody } from '../../platform/http/input.ts';
import type { RouteFactory } from '../../platform/http/route.ts';
import { answer, BODY_PROBLEMS, jsonBody, priority, problems, task } from '../schemas.ts';

const DEFAULT_SIZE = 10;
const MAX_SIZE = 100;
/** Elasticsearch's own bound on `from + size` (`index.max_result_window`). */
const MAX_WINDOW = 10_000;

const body = z
  .strictObject({
    description: z
      .string()
      .refine((text) => isUpTo(text, MAX_DESCRIPTION_LENGTH), {
        error: `must not be longer than ${MAX_DESCRIPTION_LENGTH} characters`,
      })
      .optional()
      .openapi({ maxLength: MAX_DESCRIPTION_LENGTH, description: 'Words that must all occur.' }),
    priority: priority.optional(),
    isDone: z.boolean().optional(),
    from: z
      .int()
      .min(0, { error: 'must not be negative' })
      .optional()
      .openapi({
        maximum: MAX_WINDOW,
        description: `Hits to pass over; default 0. from + size: ${MAX_WINDOW} at most.`,
      }),
    size: z
      .int()
      .min(0, { error: 'must not be negative' })
      .max(MAX_SIZE, { error: `must not be above ${MAX_SIZE}` })
      .default(DEFAULT_SIZE),
    cursor: z.string().optional().openapi({ description: 'The `nextCursor` of the page before, instead of `from`.' }),
  })
  .openapi('SearchTasks', { example: { description: 'plants', isDone: false, from: 0, size: 10 } });

const page = z
  .object({
    tasks: z.array(task),
    total: z.int().openapi({ description: 'Number of all hits, exact.' }),
    nextCursor: z.string().nullable().openapi({ description: 'Leads on to any depth; null on the last page.' }),
  })
  .openapi('SearchPage');

export const searchTasks: RouteFactory = ({ search }) => ({
  document: {
    method: 'post',
    path: '/tasks/search',
    operationId: 'searchTasks',
    summary: 'Search tasks',
    description: 'Changes show in search about a second after they were acknowledged.',
    request: jsonBody(body),
    responses: {
      200: answer('A page of hits.', page),
      ...problems(...BODY_PROBLEMS, 'cursor_invalid', 'page_too_deep', 'search_unavailable'),
    },
  },
  handle: async (c) => {
    const { from, size, cursor, ...conditions } = await parseBody(c, body);
    if (from !== undefined && cursor !== undefined) {
      throw new TaskstreamError('validation_failed', 'Give either from or cursor, not both.', {
        details: [{ path: 'from', message: 'must not be given together with cursor' }],
      });
    }
    if ((from ?? 0) + size > MAX_WINDOW) {
      throw new TaskstreamError(
        'page_too_deep',
        `from + size must not be above ${MAX_WINDOW}; go on with nextCursor instead.`,
      );
    }
    return c.json(await search.find({ conditions, from: from ?? 0, size, cursor }));
  },
});
