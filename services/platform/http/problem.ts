/** The one place where an error becomes an HTTP answer: RFC 9457 problem details, plus an `error` string. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { TaskstreamError, type ErrorCode } from '../errors.ts';
import type { ApiEnv } from './api-env.ts';
import { shorten } from '../validation.ts';
import { isDatabaseUnavailable } from '../postgres-outage.ts';

interface Problem {
  readonly status: ContentfulStatusCode;
  readonly title: string;
}

/** Codes that HTTP clients can meet. Any other code is our fault, and 500. */
export const PROBLEMS = {
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  validation_failed: { status: 400, title: 'The request is not valid' },
  cursor_invalid: { status: 400, title: 'The cursor is not valid' },
  page_too_deep: { status: 400, title: 'The page is too deep' },
  unauthenticated: { status: 401, title: 'Nobody is identified' },
  insufficient_scope: { status: 403, title: 'This caller may not ask this' },
  foreign_origin: { status: 403, title: 'Another site may not ask this' },
  route_not_found: { status: 404, title: 'There is no such resource' },
  method_not_allowed: { status: 405, title: 'The method is not allowed' },
  precondition_failed: { status: 412, title: 'It has changed meanwhile' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The media type is not supported' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used before' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong' },
  database_unavailable: { status: 503, title: 'The database is not available' },
  outbox_full: { status: 503, title: 'Too many changes wait to be published' },
  search_unavailable: { status: 503, title: 'Search is not available' },
  issuer_unavailable: { status: 503, title: 'Nobody can be identified now' },
  console_unavailable: { status: 503, title: 'The console cannot do this now' },
} as const satisfies Partial<Record<ErrorCode, Problem>>;

export type ProblemCode = keyof typeof PROBLEMS | `${string}_not_found`;

const NOT_FOUND = /^([a-z]+)_not_found$/;

/** The problem of a code; nothing for a code that clients never meet. Each kind of thing has a 404 of its own. */
export const problemOf = (code: string): Problem | undefined => {
  if (Object.hasOwn(PROBLEMS, code)) return PROBLEMS[code as keyof typeof PROBLEMS];
  const [, name] = NOT_FOUND.exec(code) ?? [];
  return name === undefined ? undefined : { status: 404, title: `There is no such ${name}` };
};

const DEFAULT_RETRY_AFTER_SECONDS = 2;
/** In characters. */
const MAX_DETAIL_LENGTH = 1_000;

/** What a client may know of an error; details of ours stay in the log. */
const toPublicError = (error: unknown): TaskstreamError => {
  if (error instanceof TaskstreamError && problemOf(error.code) !== undefined) return error;
  if (isDatabaseUnavailable(error)) {
    return new TaskstreamError(
      'database_unavailable',
      'The database cannot serve this now. A write may or may not have been done; repeat it with the same Idempotency-Key or If-Match.',
      { cause: error, retriable: true },
    );
  }
  if (error instanceof HTTPException && error.status === 400) {
    return new TaskstreamError('validation_failed', error.message || 'The request is not valid.', { cause: error });
  }
  return new TaskstreamError('internal', 'Something went wrong on our side; the log has more under this request id.', {
    cause: error,
  });
};

export const setRetryAfter = (c: Context<ApiEnv>, error: TaskstreamError): void => {
  c.header('retry-after', String(error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS));
};

/** Answers with problem+json. */
export const toProblemResponse = (error: unknown, c: Context<ApiEnv>): Response => {
  const { status, ...body } = problemBody(error, c);
  if (status === 503 || status === 429) setRetryAfter(c, toPublicError(error));
  return c.body(JSON.stringify({ ...body, status }), status, { 'content-type': 'application/problem+json' });
};

/** The body of the answer, or of one outcome among several. What is our fault is left for the log. */
export const problemBody = (error: unknown, c: Context<ApiEnv>) => {
  const known = toPublicError(error);
  const { code } = known;
  const { status, title } = problemOf(code) ?? PROBLEMS.internal;
  if (status >= 500) c.set('failure', error);
  // Both may repeat what the client sent.
  const [detail, instance] = [shorten(known.message, MAX_DETAIL_LENGTH), shorten(c.req.path, MAX_DETAIL_LENGTH)];
  return {
    type: `urn:taskstream:problem:${code}`,
    title,
    status,
    detail,
    instance,
    error: detail,
    code,
    requestId: c.get('requestId'),
    ...(known.details.length > 0 ? { errors: known.details } : {}),
    ...known.extensions,
  };
};
