/** One line becomes one task, over HTTP; what may pass is retried. */
import { z } from 'zod';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { taskFields } from '../fields.ts';
import { backoffMs, sleep } from '../../platform/time.ts';
import { describeDetails } from '../../platform/validation.ts';
import type { ImportedTask } from './lines.ts';

export interface ApiOptions {
  readonly baseUrl: string;
  readonly timeoutMs: number;
  /** Attempts a request gets while the API is down or asks to wait. */
  readonly maxAttempts: number;
}

/** `created` now, or `present` from an earlier import. */
export type CreateResult = 'created' | 'present';

/** A task as the API shows it; all but its id and version goes back as it came. */
const answerSchema = z.object({ task: z.looseObject({ id: z.guid(), version: z.int().positive() }) });
type Task = z.infer<typeof answerSchema>['task'];

/**
 * Creates the task, and completes it when the line says it is done.
 * @throws TaskstreamError `validation_failed` with the API's reasons for a refused line, or a retriable error when the
 * API did not answer for `maxAttempts` times.
 */
export const createTask = async (task: ImportedTask, key: string, options: ApiOptions): Promise<CreateResult> => {
  const { isDone, ...fields } = task;
  const response = await request('POST', '/tasks', options, fields, { 'idempotency-key': key });
  const replayed = response.headers.get('idempotent-replayed') === 'true';
  const created = await taskOf(response);
  if (isDone) await complete(replayed ? await current(created.id, options) : created, options);
  return replayed ? 'present' : 'created';
};

/** The task as it is now; nothing when it was deleted since. */
const current = async (id: string, options: ApiOptions): Promise<Task | undefined> => {
  const response = await request('GET', `/tasks/${id}`, options, undefined, {}, [404]);
  return response.status === 404 ? undefined : taskOf(response);
};

/** Marks a task as done unless somebody has changed it since the import created it. */
const complete = async (task: Task | undefined, options: ApiOptions): Promise<void> => {
  if (task?.version !== 1) return;
  const body = { ...Object.fromEntries(Object.keys(taskFields).map((name) => [name, task[name]])), isDone: true };
  // 412: somebody was faster, be it an earlier attempt of this very call. 404: it was deleted.
  await request('PUT', `/tasks/${task.id}`, options, body, { 'if-match': '"1"' }, [404, 412]);
};

const request = async (
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
  { baseUrl, timeoutMs }: ApiOptions,
  body: unknown,
  headers: Record<string, string>,
  accepted: readonly number[],
): Promise<Response | TaskstreamError> => {
  let response: Response;
  try {
    response = await fetch(new URL(path, baseUrl), {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    return new TaskstreamError('internal', `${baseUrl} does not answer (${reason})`, { retriable: true, cause: error });
  }
  if (response.ok || accepted.includes(response.status)) return response;
  const retryAfter = Number(response.headers.get('retry-after'));
  return new TaskstreamError('validation_failed', await problemOf(response), {
    retriable: response.status === 429 || response.status >= 500,
    ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
  });
};

const taskOf = async (response: Response): Promise<Task> => answerSchema.parse(await response.json()).task;

const problemSchema = z.object({
  detail: z.string().optional(),
  title: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

/** The reasons of a problem+json answer in one line, or what else the server said. */
const problemOf = async (response: Response): Promise<string> => {
  const body = await response.text();
  try {
    const { detail, title, errors } = problemSchema.parse(JSON.parse(body));
    if (errors !== undefined && errors.length > 0) {
      return describeDetails(errors);
    }
    return detail ?? title ?? `HTTP ${response.status}`;
  } catch {
    return `HTTP ${response.status}: ${body.slice(0, 200)}`;
  }
};
