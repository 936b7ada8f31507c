/** Clients that write through HTTP as real ones do: in parallel, with retries, and without knowing what a lost answer hid. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceProcess } from '../support/process.ts';
import type { Random } from './random.ts';

/** What the clients know for certain. */
export interface History {
  /** Ids by Idempotency-Key; a key of which no answer came is not here. */
  readonly created: Map<string, string>;
  /** The highest version that was acknowledged of a task. */
  readonly versions: Map<string, number>;
  readonly deleted: Set<string>;
  /** Tasks that a request without an answer may have deleted. */
  readonly maybeDeleted: Set<string>;
  /** Keys that were sent. */
  readonly keys: Set<string>;
  acknowledged: number;
  /** Answers that no client should get, such as another task for a key. */
  readonly faults: string[];
}

export const emptyHistory = (): History => ({
  created: new Map(),
  versions: new Map(),
  deleted: new Set(),
  maybeDeleted: new Set(),
  keys: new Set(),
  acknowledged: 0,
  faults: [],
});

const TIMEOUT_MS = 5_000;
const PRIORITIES = ['none', 'low', 'medium', 'high'] as const;
/** What says that the write did not happen, or not now. */
const RETRIABLE = new Set([429, 500, 502, 503, 504]);

interface Answer {
  readonly status: number;
  readonly task?: { readonly id: string; readonly version: number };
}

/** Writes until the signal aborts. */
export const runClient = async (
  name: string,
  apis: readonly ServiceProcess[],
  history: History,
  random: Random,
  signal: AbortSignal,
): Promise<void> => {
  const own: string[] = [];
  for (let turn = 0; !signal.aborted; turn += 1) {
    if (own.length < 3 || random.chance(40)) await create(`${name}-${turn}`);
    else if (random.chance(80)) await update(random.pick(own));
    else await remove(random.pick(own));
    await sleep(random.int(0, 20));
  }

  /** Through any replica; undefined when no answer came. */
  async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
    try {
      const alive = apis.filter(({ child }) => child.exitCode === null && child.signalCode === null);
      if (alive.length === 0) throw new Error('no API');
      const response = await fetch(`http://127.0.0.1:${random.pick(alive).port}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      const parsed = text === '' ? {} : (JSON.parse(text) as Pick<Answer, 'task'>);
      return { status: response.status, ...parsed } satisfies Answer;
    } catch {
      await sleep(50);
      return undefined;
    }
  }

  function acknowledge(task: NonNullable<Answer['task']>): void {
    history.acknowledged += 1;
    history.versions.set(task.id, Math.max(task.version, history.versions.get(task.id) ?? 0));
  }

  /** The same key again and again until an answer comes, as a client does that must not make two tasks. */
  async function create(key: string): Promise<void> {
    history.keys.add(key);
    const body = { description: `task ${key}`, priority: random.pick(PRIORITIES) };
    const repeat = random.chance(10);
    for (let sent = 0; !signal.aborted || sent === 0; sent += 1) {
      const answer = await call('POST', '/tasks', body, { 'idempotency-key': key });
      if (answer === undefined || RETRIABLE.has(answer.status)) continue;
      if (answer.status !== 201 || answer.task === undefined) {
        history.faults.push(`POST with key ${key}: ${answer.status}`);
        return;
      }
      const before = history.created.get(key);
      if (before !== undefined && before !== answer.task.id) history.faults.push(`key ${key} made two tasks`);
      if (before === undefined) {
        history.created.set(key, answer.task.id);
        own.push(answer.task.id);
        acknowledge(answer.task);
      }
      if (!repeat || before !== undefined) return;
    }
  }

  async function update(id: string): Promise<void> {
    const known = history.versions.get(id) ?? 1;
    const body = {
      description: `task changed by ${name}`,
      priority: random.pick(PRIORITIES),
      dates: { start: null, due: null },
      isDone: random.chance(50),
    };
    const answer = await call('PUT', `/tasks/${id}`, body, random.chance(50) ? { 'if-match': `"${known}"` } : {});
    if (answer?.status === 200 && answer.task !== undefined) acknowledge(answer.task);
    // 412: an update without an answer had happened. 404: a deletion had.
    else if (answer !== undefined && ![404, 412].includes(answer.status) && !RETRIABLE.has(answer.status)) {
      history.faults.push(`PUT ${id}: ${answer.status}`);
    }
    if (answer?.status === 404 && !history.maybeDeleted.has(id)) history.faults.push(`PUT ${id}: lost`);
  }

  async function remove(id: string): Promise<void> {
    own.splice(own.indexOf(id), 1);
    const answer = await call('DELETE', `/tasks/${id}`);
    if (answer?.status === 204) {
      history.acknowledged += 1;
      history.deleted.add(id);
    } else history.maybeDeleted.add(id);
  }
};
