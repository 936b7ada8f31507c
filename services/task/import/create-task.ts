/** One line becomes one task, over HTTP; what may pass is retried. */
import { z } from 'zod';
import { TaskstreamError } from '../../platform/errors.ts';
import { columnsToUpdate, type FieldValues } from '../../pipeline/field.ts';
import { taskFields } from '../fields.ts';
import { reasonsIn, request, type ApiOptions } from '../api.ts';
import type { ImportLine } from './lines.ts';

/** `created` now, `updated` as the line changed since an earlier import, or `present` from it. */
export type CreateResult = 'created' | 'updated' | 'present';

/** A task as the API shows it; all but its id and version goes back as it came. */
const answerSchema = z.object({ task: z.looseObject({ id: z.guid(), version: z.int().positive() }) });
type Task = z.infer<typeof answerSchema>['task'];

export interface TakenLine extends Pick<Extract<ImportLine, { task: unknown }>, 'task' | 'named' | 'id' | 'updatedAt'> {
  /** Whether its key is to know this line from now on, where it knew another one; unless it is false. */
  readonly renewsKey?: boolean;
}

/**
 * Creates the task of a line, and completes it when the line says it is done; a line that changed since its task was made,
 * or that gives the id of a task here, changes that task.
 * @throws TaskstreamError `validation_failed` with the API's reasons for a refused line, or a retriable error when the
 * API did not answer for `maxAttempts` times.
 */
export const createTask = async (
  { task, named, id, updatedAt, renewsKey = true }: TakenLine,
  key: string,
  options: ApiOptions,
): Promise<CreateResult> => {
  const here = id === undefined ? undefined : await current(id, options);
  if (here !== undefined) return isOlder(updatedAt, here) ? 'present' : change(here, named, options);
  const { isDone, ...fields } = task;
  const headers = {
    'idempotency-key': key,
    'keep-idempotency-key': 'true',
    // Not in the body of a creation, and a part of what the line says.
    'idempotency-state': isDone ? 'done' : 'open',
  };
  const response = await request('POST', '/tasks', options, fields, headers, [422]);
  if (response.status === 422) {
    const result = await changeEarlier(response, named, options);
    // The next import goes by this line; after a crash before it, the task is as the line says. A server of before answers 400,
    // and goes by the first one.
    if (renewsKey) {
      await request('POST', '/tasks', options, fields, { ...headers, 'keep-idempotency-key': 'latest' }, [400, 422]);
    }
    return result;
  }
  const replayed = response.headers.get('idempotent-replayed') === 'true';
  const created = await taskOf(response);
  const completed = isDone && (await complete(replayed ? await current(created.id, options) : created, options));
  return replayed ? (completed ? 'updated' : 'present') : 'created';
};

const isOlder = (updatedAt: string | undefined, here: Task): boolean =>
  updatedAt !== undefined && Date.parse(updatedAt) < Date.parse(String(here['updatedAt']));

const reusedSchema = z.object({ code: z.literal('idempotency_key_reused'), earlierId: z.guid() });

/** The line's key is known with other fields: the line has changed. */
const changeEarlier = async (response: Response, named: FieldValues, options: ApiOptions): Promise<CreateResult> => {
  const text = await response.text();
  const reused = reusedSchema.safeParse(JSON.parse(text));
  if (!reused.success) throw new TaskstreamError('validation_failed', reasonsIn(text, response.status));
  const there = await current(reused.data.earlierId, options);
  // Deleted since: an import brings nothing back.
  return there === undefined ? 'present' : change(there, named, options);
};

/** Gives a task the fields of its line; those that the line does not name stay. */
const change = async (there: Task, named: FieldValues, options: ApiOptions): Promise<CreateResult> => {
  const before = Object.fromEntries(Object.keys(taskFields).map((name) => [name, there[name]]));
  const after = { ...before, ...named };
  if (columnsText(before) === columnsText(after)) return 'present';
  const headers = { 'if-match': `"${there.version}"` };
  const response = await request('PUT', `/tasks/${there.id}`, options, after, headers, [404, 412]);
  if (response.status === 412) {
    throw new TaskstreamError('validation_failed', 'somebody changed the task at the same moment: import it again');
  }
  return response.ok ? 'updated' : 'present';
};

/** What would be stored, as text to compare: two spellings of an instant are equal. */
export const columnsText = (values: FieldValues): string => JSON.stringify(columnsToUpdate(taskFields, values));

/** The task as it is now; nothing when it was deleted since. */
const current = async (id: string, options: ApiOptions): Promise<Task | undefined> => {
  const response = await request('GET', `/tasks/${id}`, options, undefined, {}, [404]);
  return response.status === 404 ? undefined : taskOf(response);
};

/** Marks a task as done unless somebody has changed it since the import created it. */
const complete = async (task: Task | undefined, options: ApiOptions): Promise<boolean> => {
  if (task?.version !== 1) return false;
  const body = { ...Object.fromEntries(Object.keys(taskFields).map((name) => [name, task[name]])), isDone: true };
  // 412: somebody was faster, be it an earlier attempt of this very call. 404: it was deleted.
  return (await request('PUT', `/tasks/${task.id}`, options, body, { 'if-match': '"1"' }, [404, 412])).ok;
};

const taskOf = async (response: Response): Promise<Task> => answerSchema.parse(await response.json()).task;
