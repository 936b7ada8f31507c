/** A client that writes through HTTP as real ones do: with retries, and without knowing what a lost answer hid. */
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from '../support/process.ts';
import { acknowledge, type Entry, type History } from './history.ts';
import type { Random } from './random.ts';
import type { Api } from './world.ts';
import { creationOf, updateOf } from '../support/sample.ts';

const TIMEOUT_MS = 5_000;
/** What says that the write did not happen, or not now. */
const RETRIABLE = new Set([429, 500, 502, 503, 504]);

interface Answer {
  readonly status: number;
  readonly task?: { readonly id: string; readonly version: number };
}

/** Writes until the signal aborts. */
export const runClient = async (
  name: string,
  apis: readonly Api[],
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
  async function send(
    { call, target, expected }: Pick<Entry, 'call' | 'target' | 'expected'>,
    body?: object,
  ): Promise<Answer | undefined> {
    const atMs = Math.round(performance.now());
    const record = (answer: Answer | undefined): Answer | undefined => {
      const { status, task } = answer ?? {};
      history.entries.push({
        atMs,
        client: name,
        call,
        target,
        expected,
        status,
        id: task?.id,
        version: task?.version,
      });
      return answer;
    };
    try {
      const alive = apis.filter((api) => !hasEnded(api));
      if (alive.length === 0) throw new Error('no API');
      const path = call === 'POST' ? '/tasks' : `/tasks/${target}`;
      const response = await fetch(`http://127.0.0.1:${random.pick(alive).proxy.port}${path}`, {
        method: call,
        headers: {
          'content-type': 'application/json',
          ...(call === 'POST' ? { 'idempotency-key': target } : {}),
          ...(expected === undefined ? {} : { 'if-match': expected }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      const parsed = text === '' ? {} : (JSON.parse(text) as Pick<Answer, 'task'>);
      return record({ status: response.status, ...parsed });
    } catch {
      await sleep(50);
      return record(undefined);
    }
  }

  /** The same key again and again until an answer comes, as a client does that must not make two tasks. */
  async function create(key: string): Promise<void> {
    history.keys.add(key);
    const body = creationOf(`task ${key}`, random.int(0, 9));
    const repeat = random.chance(10);
    for (let sent = 0; !signal.aborted || sent === 0; sent += 1) {
      const answer = await send({ call: 'POST', target: key }, body);
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
        acknowledge(history, answer.task);
      }
      if (!repeat || before !== undefined) return;
    }
  }

  async function update(id: string): Promise<void> {
    const known = history.versions.get(id) ?? 1;
    const body = updateOf(`task changed by ${name}`, random.int(0, 9));
    const expected = random.chance(50) ? `"${known}"` : undefined;
    const answer = await send({ call: 'PUT', target: id, expected }, body);
    if (answer?.status === 200 && answer.task !== undefined) acknowledge(history, answer.task);
    // 412: an update without an answer had happened. 404: a deletion had.
    else if (answer !== undefined && ![404, 412].includes(answer.status) && !RETRIABLE.has(answer.status)) {
      history.faults.push(`PUT ${id}: ${answer.status}`);
    }
    if (answer?.status === 404 && !history.maybeDeleted.has(id)) history.faults.push(`PUT ${id}: lost`);
  }

  async function remove(id: string): Promise<void> {
    own.splice(own.indexOf(id), 1);
    const answer = await send({ call: 'DELETE', target: id });
    if (answer?.status === 204) {
      history.acknowledged += 1;
      history.deleted.add(id);
    } else history.maybeDeleted.add(id);
  }
};
