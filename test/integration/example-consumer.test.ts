import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeEvent } from '../../services/pipeline/events.ts';
import type { Task } from '../../services/task/task.ts';
import { eventRecord } from '../support/events.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf, WRONG_VALUE } from '../support/sample.ts';

const root = join(import.meta.dirname, '../..');

let pipeline: Pipeline;
const children: ChildProcess[] = [];

beforeAll(async () => {
  pipeline = await createPipeline();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await pipeline.close();
});

interface Change {
  readonly id: string;
  readonly version: number;
  readonly task: Task | null;
}

/** Starts the example; `changes` is what it has printed. */
const startConsumer = (): { child: ChildProcess; changes: () => Change[]; logs: () => string } => {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'docs/examples/consumer.ts')], {
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      KAFKA_BROKERS: pipeline.env['KAFKA_BROKERS'],
      TASKS_TOPIC: pipeline.topics.tasks,
      CONSUMER_GROUP: `consumer.example.${pipeline.topics.tasks}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let [lines, logs] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (logs += chunk.toString()));
  // The client prints lines of its own.
  const changes = () =>
    lines
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{"id"'))
      .map((line) => JSON.parse(line) as Change);
  return { child, changes, logs: () => `${lines}\n${logs}` };
};

describe('the example of a consumer', () => {
  it('keeps the newest version of each task: past repetitions, older events, unknown fields and types, and restarts', async () => {
    const api = await pipeline.startApi();
    const kept = await createTask(api, 'kept');
    const deleted = await createTask(api, 'deleted');
    const whole = updateOf('kept, and done');
    await call(api, 'PUT', `/tasks/${kept.id}`, whole);
    const { body } = await call(api, 'GET', `/tasks/${kept.id}`);
    const { task } = body as { task: Task };
    expect((await call(api, 'DELETE', `/tasks/${deleted.id}`)).status).toBe(204);
    await waitFor('the relay to publish', async () => (await pipeline.topics.end()) === 5);

    const newer = { ...task, ...WRONG_VALUE, version: 3, schemaVersion: 99, colour: 'green' };
    await pipeline.topics.produce([
      eventRecord('tasks.event.created', kept),
      eventRecord('tasks.event.created', deleted),
      {
        ...eventRecord('tasks.event.updated', task),
        value: encodeEvent('tasks.event.archived', JSON.stringify(newer)),
      },
      { ...eventRecord('tasks.event.updated', task), value: encodeEvent('tasks.event.updated', JSON.stringify(newer)) },
    ]);
    const expected = new Map<string, Omit<Change, 'id'>>([
      [kept.id, { version: 3, task: newer as unknown as Task }],
      [deleted.id, { version: 2, task: null }],
    ]);
    for (const start of ['first', 'second']) {
      const consumer = startConsumer();
      await waitFor(`the view at its ${start} start`, () => {
        const view = new Map(consumer.changes().map(({ id, ...change }) => [id, change]));
        try {
          expect(view).toEqual(expected);
        } catch (error) {
          throw new Error(`${String(error)}\n${consumer.logs().slice(-2_000)}`, { cause: error });
        }
        return true;
      });
      const versions = consumer.changes().filter(({ id }) => id === deleted.id);
      expect(versions.map(({ version }) => version)).toEqual([1, 2]);
      const exited = once(consumer.child, 'exit');
      consumer.child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    }
  });
});
