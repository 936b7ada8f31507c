/** Tasks as people write them, made by number: the same ones in each run. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import type { CreateCommand } from '../../services/pipeline/write/create.ts';
import { createCommand as commandOf, createTasks, taskIn } from '../support/task.ts';
import { creationOf } from '../support/sample.ts';
import type { Stack } from './stack.ts';

const VERBS = ['water', 'buy', 'call', 'fix', 'clean', 'read', 'write', 'book', 'pay', 'return', 'plan', 'send'];
const THINGS = [
  'plants',
  'bread',
  'dentist',
  'bicycle',
  'kitchen',
  'report',
  'letter',
  'flight',
  'rent',
  'parcel',
  'holiday',
  'invoice',
  'garden',
  'laptop',
  'window',
];
const WHERE = [
  'at home',
  'in the office',
  'before lunch',
  'for the team',
  'with Ada',
  'on the way back',
  'after the meeting',
];

const pick = <T>(items: readonly T[], n: number, fallback: T): T => items[n % items.length] ?? fallback;

/** Two words that some tasks have. */
export const queryOf = (n: number): string => `${pick(VERBS, n, '')} ${pick(THINGS, Math.floor(n / 7), '')}`;

export const descriptionOf = (n: number): string =>
  `${pick(VERBS, n, '')} the ${pick(THINGS, Math.floor(n / 5), '')} ${pick(WHERE, Math.floor(n / 3), '')}, number ${n}`;

export const createCommand = (n: number): CreateCommand => commandOf(creationOf(descriptionOf(n), n));

const CHUNK = 2_000;

/** Creates tasks, and with them the rows of the outbox; returns their ids. */
export const fillTasks = async (
  pool: Pool,
  count: number,
  onProgress: (done: number) => void = () => undefined,
  task: PlacedEntity = taskIn(),
): Promise<string[]> => {
  const ids: string[] = [];
  for (let done = 0; done < count; done += CHUNK) {
    const commands = Array.from({ length: Math.min(CHUNK, count - done) }, (_, index) => createCommand(done + index));
    for (const result of await createTasks(pool, task, commands)) {
      if (result instanceof Error) throw result;
      ids.push(result.id);
    }
    onProgress(ids.length);
  }
  return ids;
};

/** How often rows are written at a steady rate; as many as that asks for. */
const TICK_MS = 50;

export interface SteadyWrites {
  /** @returns how many were written. Throws what writing them threw */
  stop(): Promise<number>;
}

/** Creates so many tasks a second, those of a tick in one statement, until it is stopped. */
export const writeSteadily = ({ database, env }: Stack, rate: number): SteadyWrites => {
  const task = taskIn(env);
  let isRunning = true;
  const run = async (): Promise<number> => {
    const startedAt = performance.now();
    let done = 0;
    while (isRunning) {
      const due = Math.round(((performance.now() - startedAt) * rate) / 1_000) - done;
      if (due > 0) await fillTasks(database.pool, due, undefined, task);
      done += Math.max(0, due);
      await sleep(TICK_MS);
    }
    return done;
  };
  const running = run();
  // Who stops it hears of it.
  running.catch(() => undefined);
  return {
    stop: () => {
      isRunning = false;
      return running;
    },
  };
};
