/** Parts of the OpenAPI document that routes share. What validates is also what the document shows. */
import { z } from '@hono/zod-openapi';
import { problemOf, PROBLEMS, type ProblemCode } from './problem.ts';

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
    errors: z
      .array(
        z
          .object({
            path: z.string().openapi({ description: 'Where it is in the request, such as `dates.start`.' }),
            message: z.string(),
          })
          .openapi('ProblemFault', { description: 'One mistake in the request.' }),
      )
      .optional(),
    earlierId: z.guid().optional().openapi({ description: 'With idempotency_key_reused: what the key created.' }),
    currentVersion: z.int().optional().openapi({ description: 'With precondition_failed: the version there is.' }),
  })
  .openapi('Problem');

type Headers = Readonly<Record<string, { readonly schema: object; readonly description: string }>>;

/** A JSON answer of the OpenAPI document. */
export const answer = (text: string, schema: z.ZodType, headers: Headers = {}) => ({
  description: text,
  content: { 'application/json': { schema } },
  headers,
});

/** The problems every route can have. */
const EVERYWHERE: readonly ProblemCode[] = [
  'validation_failed',
  'unauthenticated',
  'insufficient_scope',
  'rate_limited',
  'internal',
  'database_unavailable',
];
/** The problems of a route with a body. */
export const BODY_PROBLEMS: readonly ProblemCode[] = ['malformed_json', 'payload_too_large', 'unsupported_media_type'];

/** The problem answers of a route, by status. */
export const problems = (...codes: readonly ProblemCode[]) => {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...EVERYWHERE, ...codes]) {
    const { status } = problemOf(code) ?? PROBLEMS.internal;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, names]) => [
      status,
      {
        description: names.map((name) => `\`${name}\`: ${problemOf(name)?.title ?? ''}.`).join(' '),
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
export const jsonBody = (schema: z.ZodType, types: readonly string[] = ['application/json']) => ({
  body: { required: true, content: Object.fromEntries(types.map((type) => [type, { schema }])) },
});
