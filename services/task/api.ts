/** Requests of commands to the HTTP API; what may pass is retried. */
import { z } from 'zod';
import { messageOf, TaskstreamError } from '../platform/errors.ts';
import { backoffMs, sleep } from '../platform/time.ts';
import { describeDetails } from '../platform/validation.ts';

export interface ApiOptions {
  readonly baseUrl: string;
  /** Where the API asks who is calling. */
  readonly token?: string | undefined;
  readonly timeoutMs: number;
  /** Attempts a request gets while the API is down or asks to wait. */
  readonly maxAttempts: number;
}

/**
 * @param accepted statuses beside 2xx that are an answer
 * @throws TaskstreamError `validation_failed` with the API's reasons for a refusal, `unauthenticated` or `insufficient_scope`, or a retriable error when the API did
 * not answer for `maxAttempts` times
 */
export const request = async (
  method: string,
  path: string,
  options: ApiOptions,
  body: unknown,
  headers: Record<string, string>,
  accepted: readonly number[] = [],
): Promise<Response> => {
  for (let attempt = 1; ; attempt += 1) {
    const failure = await attemptOnce(method, path, options, body, headers, accepted);
    if (failure instanceof Response) return failure;
    if (!failure.retriable || attempt >= options.maxAttempts) throw failure;
    await sleep(Math.max(backoffMs(attempt, { baseMs: 200, maxMs: 5_000 }), (failure.retryAfterSeconds ?? 0) * 1_000));
  }
};

const attemptOnce = async (
  method: string,
  path: string,
  { baseUrl, token, timeoutMs }: ApiOptions,
  body: unknown,
  headers: Record<string, string>,
  accepted: readonly number[],
): Promise<Response | TaskstreamError> => {
  let response: Response;
  try {
    response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    return new TaskstreamError('internal', `${baseUrl} does not answer (${reason})`, { retriable: true, cause: error });
  }
  if (response.ok || accepted.includes(response.status)) return response;
  // About who asks, and nothing that was sent.
  if (response.status === 401 || response.status === 403) {
    const code = response.status === 401 ? 'unauthenticated' : 'insufficient_scope';
    return new TaskstreamError(
      code,
      `${baseUrl} refuses this caller (--token, TASKSTREAM_TOKEN): ${await problemOf(response)}`,
    );
  }
  const retryAfter = Number(response.headers.get('retry-after'));
  return new TaskstreamError('validation_failed', await problemOf(response), {
    retriable: response.status === 429 || response.status >= 500,
    ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
  });
};

const problemSchema = z.object({
  detail: z.string().optional(),
  title: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** The reasons of a problem+json answer in one line, or what else the server said. */
const problemOf = async (response: Response): Promise<string> => reasonsIn(await response.text(), response.status);

export const reasonsIn = (body: string, status: number): string => {
  try {
    const { detail, title, errors } = problemSchema.parse(JSON.parse(body));
    if (errors !== undefined && errors.length > 0) {
      return describeDetails(errors);
    }
    return detail ?? title ?? `HTTP ${status}`;
  } catch {
    return `HTTP ${status}: ${body.slice(0, 200)}`;
  }
};
