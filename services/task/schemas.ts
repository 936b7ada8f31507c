/** Schemas that several routes share. What validates is also what the OpenAPI document shows. */
import { z } from '@hono/zod-openapi';
import { MAX_DESCRIPTION_LENGTH, PRIORITIES, taskSchema } from './events.ts';
import { ENTITY_TAGS_PATTERN } from '../platform/http/etag.ts';
import { hasVisibleCharacter, isUpTo, VISIBLE_PATTERN } from './text.ts';
import { PROBLEMS, type ProblemCode } from '../platform/http/problem.ts';

export const description = z
  .string()
  .trim()
  .min(1, { error: 'must not be empty', abort: true })
  .refine(hasVisibleCharacter, { error: 'must have a visible character' })
  .refine((text) => isUpTo(text, MAX_DESCRIPTION_LENGTH), {
    error: `must not be longer than ${MAX_DESCRIPTION_LENGTH} characters`,
  })
  .refine((text) => !text.includes('\0'), { error: 'must not contain the character NUL' })
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode: it has half of a surrogate pair' })
  .openapi({ maxLength: MAX_DESCRIPTION_LENGTH, pattern: VISIBLE_PATTERN });

export const priority = z.enum(PRIORITIES, { error: `must be one of ${PRIORITIES.join(', ')}` });

/** PostgreSQL's and JavaScript's calendars agree on these years. */
const [EARLIEST, LATEST] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];

const timestamp = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 date and time with offset, such as 2026-03-01T09:00:00Z' })
  .refine((text) => Date.parse(text) >= EARLIEST && Date.parse(text) <= LATEST, {
    error: 'must lie between the years 1 and 9999 in UTC',
  });

export const dates = z
  .strictObject({ start: timestamp.nullish(), due: timestamp.nullish() })
  .refine(({ start, due }) => !start || !due || Date.parse(start) <= Date.parse(due), {
    path: ['start'],
    error: 'must not be after due',
  });

/** Dates as they are stored: UTC with milliseconds, or null. */
export const storedDates = (input: z.infer<typeof dates> | null | undefined) => ({
  start: input?.start ? new Date(input.start).toISOString() : null,
  due: input?.due ? new Date(input.due).toISOString() : null,
});

export const taskPath = z.object({
  // Some programs print UUIDs in upper case. From here on there is one spelling, that of the database.
  id: z
    .uuid({ error: 'must be a UUID' })
    .toLowerCase()
    .openapi({
      param: { name: 'id', in: 'path' },
      example: '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b',
    }),
});

export const task = z.object(taskSchema.shape).openapi('Task', {
  example: {
    id: '019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b',
    description: 'water the plants',
    priority: 'none',
    dates: { start: null, due: '2026-03-01T09:00:00.000Z' },
    isDone: false,
    version: 1,
    createdAt: '2026-02-01T08:00:00.000Z',
    updatedAt: '2026-02-01T08:00:00.000Z',
  },
});

export const taskAnswer = z.object({ task }).openapi('TaskAnswer');

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    error: z.string().openapi({ description: 'The same as detail.' }),
    code: z.string().openapi({ description: 'Stable name of the problem, for programs.' }),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    currentVersion: z.int().optional().openapi({ description: 'With precondition_failed: the version there is.' }),
  })
  .openapi('Problem');

/** The conditions of a change. */
export const preconditions = z.object({
  'If-Match': z.string().optional().openapi({
    pattern: ENTITY_TAGS_PATTERN,
    description: 'Entity tags of the versions the change is meant for, such as `"3"`; 412 when the task is at another.',
  }),
  'If-None-Match': z.string().optional().openapi({
    pattern: ENTITY_TAGS_PATTERN,
    description: 'Entity tags of the versions the change must not meet, or `*` for any; 412 when the task is at one.',
  }),
});

const etagHeader = {
  ETag: { schema: { type: 'string' as const }, description: 'The version of the task, in quotes.' },
};

/** A JSON answer of the OpenAPI document. */
export const answer = (
  text: string,
  schema: z.ZodType,
  headers: Record<string, { schema: object; description: string }> = {},
) => ({
  description: text,
  content: { 'application/json': { schema } },
  headers,
});

/** A JSON answer that carries a task. */
export const taskAnswerDoc = (text: string, headers: Record<string, { schema: object; description: string }> = {}) =>
  answer(text, taskAnswer, { ...etagHeader, ...headers });

/** The problems every route can have. */
const EVERYWHERE: readonly ProblemCode[] = ['validation_failed', 'rate_limited', 'internal', 'database_unavailable'];
/** The problems of a route with a body. */
export const BODY_PROBLEMS: readonly ProblemCode[] = ['malformed_json', 'payload_too_large', 'unsupported_media_type'];

/** The problem answers of a route, by status. */
export const problems = (...codes: readonly ProblemCode[]) => {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...EVERYWHERE, ...codes]) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.map((name) => `\`${name}\`: ${PROBLEMS[name].title}.`).join(' '),
        content: { 'application/problem+json': { schema: problem } },
        headers:
          status === 503 || status === 429
            ? { 'Retry-After': { schema: { type: 'integer' as const }, description: 'Seconds to wait.' } }
            : {},
      },
    ]),
  );
};

/** A request body of the OpenAPI document. */
export const jsonBody = (schema: z.ZodType) => ({
  body: { required: true, content: { 'application/json': { schema } } },
});
