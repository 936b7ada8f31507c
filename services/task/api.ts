/** Requests of commands to the HTTP API; what may pass is retried. */
import { z } from 'zod';
import type { AccessTokens } from '../platform/auth/client-credentials.ts';
import { messageOf, TaskstreamError } from '../platform/errors.ts';
import { backoffMs, sleep } from '../platform/time.ts';
import { describeDetails } from '../platform/validation.ts';

export interface ApiOptions {
  readonly baseUrl: string;
  /** Where the API asks who is calling. */
  readonly tokens?: AccessTokens | undefined;
  readonly timeoutMs: number;
  /** Attempts a request gets while the API is down or asks to wait. */
  readonly maxAttempts: number;
}

/**
 * @param accepted statuses beside 2xx that are an answer
 * @throws TaskstreamError `validation_failed` with the API's reasons for a refusal, `unauthenticated` or
 * `insufficient_scope`, or a retriable error when the API, or the issuer of its tokens, did not answer for `maxAttempts` times
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
    try {
      const response = await askOnce(method, path, options, body, headers);
      if (response.ok || accepted.includes(response.status)) return response;
      throw await refusalOf(response, options);
    } catch (error) {
      if (!(error instanceof TaskstreamError) || !error.retriable || attempt >= options.maxAttempts) throw error;
      await sleep(Math.max(backoffMs(attempt, { baseMs: 200, maxMs: 5_000 }), (error.retryAfterSeconds ?? 0) * 1_000));
    }
  }
};

/** A token that the API refuses is renewed once: it may have been withdrawn, or the clocks may differ. */
const askOnce = async (
  method: string,
  path: string,
  options: ApiOptions,
  body: unknown,
  headers: Record<string, string>,
): Promise<Response> => {
  const { tokens } = options;
  const token = await tokens?.get();
  const response = await sendOnce(method, path, options, body, withToken(headers, token));
  if (response.status !== 401 || tokens === undefined || token === undefined) return response;
  const other = await tokens.renew(token);
  if (other === token) return response;
  await response.body?.cancel();
  return sendOnce(method, path, options, body, withToken(headers, other));
};

const withToken = (headers: Record<string, string>, token: string | undefined): Record<string, string> =>
  token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };

/** @throws TaskstreamError `internal`, which is retriable, without an answer */
const sendOnce = async (
  method: string,
  path: string,
  { baseUrl, timeoutMs }: ApiOptions,
  body: unknown,
  headers: Record<string, string>,
): Promise<Response> => {
  try {
    return await fetch(new URL(path, baseUrl), {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    throw new TaskstreamError('internal', `${baseUrl} does not answer (${reason})`, { retriable: true, cause: error });
  }
};

const refusalOf = async (response: Response, { baseUrl, tokens }: ApiOptions): Promise<TaskstreamError> => {
  // About who asks, and nothing that was sent.
  if (response.status === 401 || response.status === 403) {
    const code = response.status === 401 ? 'unauthenticated' : 'insufficient_scope';
    const caller = tokens?.origin ?? 'no token';
    return new TaskstreamError(code, `${baseUrl} refuses this caller (${caller}): ${await problemOf(response)}`);
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
