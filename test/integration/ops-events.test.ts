import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { EventLine } from '../../services/ops/events/event.ts';
import { replayEvents, type EventReplayOptions } from '../../services/ops/events/replay.ts';
import { createTopicReader } from '../../services/platform/kafka/reader.ts';
import type { Output } from '../../services/ops/cli/output.ts';
import { readEnv } from '../../services/platform/env.ts';
import { kafkaEnv } from '../../services/platform/kafka/settings.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { eventRecord, taskOf } from '../support/events.ts';
import { createTestTopics, type TestTopics } from '../support/kafka.ts';
import { jsonLines, runOps, runOpsPiped, startOps } from '../support/ops.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf } from '../support/sample.ts';

// Each process loads all of the command line, seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const TASKS = 60;
const VERSIONS = 20;
const EVENTS = TASKS * VERSIONS;

let topics: TestTopics;
let env: Record<string, string>;
let ids: string[];

beforeAll(async () => {
  topics = await createTestTopics(inject('kafkaBrokers'));
  env = { KAFKA_BROKERS: inject('kafkaBrokers'), TASKS_TOPIC: topics.tasks };
  const tasks = Array.from({ length: TASKS }, () => taskOf());
  ids = tasks.map(({ id }) => id);
  for (let version = 1; version <= VERSIONS; version += 1) {
    await topics.produce(tasks.map((task) => eventRecord('tasks.event.updated', { ...task, version })));
  }
});
afterAll(() => topics.close());

const group = () => `replay-${randomUUID()}`;
const positionOf = ({ partition, offset }: EventLine): string => `${partition}:${offset}`;
const versionOf = ({ value }: EventLine): number => (value as { version: number }).version;

/** Every event once, and each task's versions in their order. */
const expectComplete = (events: readonly EventLine[]) => {
  expect(new Set(events.map(positionOf)).size).toBe(events.length);
  for (const id of ids) {
    expect(events.filter(({ key }) => key === id).map(versionOf)).toEqual(
      Array.from({ length: VERSIONS }, (_, index) => index + 1),
    );
  }
};

/** A run inside this process, whose output the test takes at its own pace. */
const replayHere = async (name: string, output: Output, options: Partial<EventReplayOptions> = {}) => {
  const logger = createLogger({ service: 'test', level: 'silent' });
  const signal = options.signal ?? new AbortController().signal;
  const reader = await createTopicReader(readEnv(kafkaEnv, env), { logger, group: name, signal });
  try {
    return await replayEvents({
      reader,
      topic: topics.tasks,
      group: name,
      start: { kind: 'beginning' },
      restart: false,
      end: { kind: 'end' },
      output,
      logger,
      signal,
      ...options,
    });
  } finally {
    await reader.close();
  }
};

describe('events replay', () => {
  it('writes every event once, in order per task, and stops at the end; a second run writes nothing', async () => {
    const args = ['events', 'replay', '--group', group(), '--until-end'];
    const first = await runOps(args, env);
    expect(first.code).toBe(0);
    const events = jsonLines<EventLine>(first.stdout);
    expect(events).toHaveLength(EVENTS);
    expectComplete(events);
    expect(events[0]).toMatchObject({
      type: 'tasks.event.updated',
      headers: { ce_specversion: '1.0', ce_type: 'tasks.event.updated' },
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    });
    expect(await runOps(args, env)).toMatchObject({ code: 0, stdout: '' });
  });

  it('goes on where it stopped: runs that were interrupted have every event exactly once between them', async () => {
    const name = group();
    const events: EventLine[] = [];
    for (let run = 1; ; run += 1) {
      const stop = new AbortController();
      // Stopped after its second batch, as by a signal.
      let batches = 0;
      const output: Output = {
        write: async (text) => {
          events.push(...jsonLines<EventLine>(text));
          batches += 1;
          if (batches === 2) stop.abort();
          return true;
        },
      };
      const summary = await replayHere(name, output, { signal: stop.signal });
      expect(summary.resumed).toBe(run > 1);
      if (summary.complete) break;
      expect(run).toBeLessThan(EVENTS);
    }
    expect(events).toHaveLength(EVENTS);
    expectComplete(events);
  });

  it('as a process stops on SIGTERM with 0, repeats nothing, and loses nothing', async () => {
    const args = ['events', 'replay', '--group', group()];
    const first = startOps(args, env);
    await waitFor('some lines', () => first.stdout().length > 0);
    first.child.kill('SIGTERM');
    const { code, stdout } = await first.ended;
    expect(code).toBe(0);
    const second = await runOps([...args, '--until-end'], env);
    const events = [...jsonLines<EventLine>(stdout), ...jsonLines<EventLine>(second.stdout)];
    expect(events).toHaveLength(EVENTS);
    expectComplete(events);
  });

  it('commits nothing whose line was not taken, so that it comes again', async () => {
    const name = group();
    const refused: Output = { write: () => Promise.resolve(false) };
    expect(await replayHere(name, refused)).toMatchObject({ written: 0, complete: false });
    const events: EventLine[] = [];
    const taken: Output = { write: async (text) => events.push(...jsonLines<EventLine>(text)) > 0 };
    await replayHere(name, taken);
    expectComplete(events);
  });

  it('begins at a time or an offset, ends at a time, and shows tombstones as null and other bytes in base64', async () => {
    const before = new Date().toISOString();
    // Times of records have milliseconds: nothing that was there before may have the same.
    await delay(5);
    const task = taskOf({ id: ids[0] ?? '' });
    await topics.produce([
      eventRecord('tasks.event.deleted', { ...task, version: VERSIONS + 1 }),
      { key: task.id, value: null, headers: [] },
      { key: 'k', value: Buffer.from([0xff]), headers: [{ h: Buffer.from([0xfe]) }] },
    ]);
    const after = new Date(Date.now() + 1).toISOString();
    await delay(5);
    const replay = async (...args: string[]) => {
      const { code, stdout, stderr } = await runOps(['events', 'replay', '--group', group(), ...args], env);
      expect(code, stderr).toBe(0);
      return jsonLines<EventLine>(stdout);
    };
    const late = await replay('--from', before, '--until-end');
    expect(late).toHaveLength(3);
    expect(late.filter(({ key }) => key === task.id).map(({ type, value }) => [type, value === null])).toEqual([
      ['tasks.event.deleted', false],
      [null, true],
    ]);
    expect(late.find(({ key }) => key === 'k')).toMatchObject({
      type: null,
      value: 'base64:/w==',
      headers: { h: 'base64:/g==' },
    });
    expect(await replay('--until', before)).toHaveLength(EVENTS);
    expect(await replay('--from', before, '--until', after)).toHaveLength(3);
    const all = await replay('--from-offset', '0:5', '--from-offset', '1:7', '--until-end');
    const first = (partition: number) => all.find((event) => event.partition === partition)?.offset;
    expect([0, 1, 2, 3].map(first)).toEqual([5, 7, 0, 0]);
  });

  it("refuses the indexers' group, an offset that is not there, and a time to come", async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await runOps(['events', 'replay', ...args], { ...env, CONSUMER_GROUP: 'the-indexers' });
      expect(code).toBe(1);
      return stderr;
    };
    expect(await refused('--group', 'the-indexers')).toContain("the indexers' group");
    expect(await refused('--group', group(), '--from-offset', '0:999999')).toContain('has the offsets');
    expect(await refused('--group', group(), '--until', '2999-01-01T00:00:00Z')).toContain('future');
  });

  it('ends quietly with 0 when the reader of its pipe has enough', async () => {
    const { code, stdout, stderr } = await runOpsPiped(['events', 'replay', '--group', group()], '| head -n 3', env);
    expect(jsonLines(stdout)).toHaveLength(3);
    expect(stderr).not.toMatch(/EPIPE|Error/);
    expect(code).toBe(0);
  });

  it('says in a sentence that its disk is full', async () => {
    const { code, stderr } = await runOpsPiped(['events', 'replay', '--group', group()], '> /dev/full', env);
    expect(stderr).toContain('Cannot write: ');
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(1);
  });
});

describe('events tail', () => {
  it.each([
    ['SIGINT', 99],
    ['SIGHUP', 100],
  ] as const)('follows what is new, readably, and stops on %s with 0', async (signal, version) => {
    const tail = startOps(['events', 'tail', '--since', '1h', '--task', ids[1] ?? ''], env);
    await waitFor('what was there', () => tail.stdout().split('\n').length > VERSIONS);
    const fresh = taskOf({ id: ids[1] ?? '', version, ...creationOf('just\u001b[31m now', 1) });
    await topics.produce([eventRecord('tasks.event.created', fresh)]);
    await waitFor('the new event', () => tail.stdout().includes(`v${version}`));
    tail.child.kill(signal);
    const { code, stdout, stderr } = await tail.ended;
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(VERSIONS + 1 + version - 99);
    // The text, and what is not as it is at first.
    expect(stdout).toContain(`created    ${ids[1] ?? ''}  v${version}  just\\u001b[31m now`);
    expect(stdout).toMatch(/ now {2}\w+=\w+\n$/);
  });

  it('picks types, prints JSON for scripts, and ends with 0 when it finds that nobody listens', async () => {
    let isOver = false;
    const args = ['events', 'tail', '--since', '1h', '--type', 'tombstone', '--json'];
    const piped = runOpsPiped(args, '| head -n 1', env).finally(() => {
      isOver = true;
    });
    // As with tail -f, it is the next line that finds the pipe closed.
    await waitFor(
      'the end',
      async () => {
        await topics.produce([{ key: ids[0] ?? '', value: null, headers: [] }]);
        return isOver;
      },
      { intervalMs: 200 },
    );
    const { code, stdout } = await piped;
    expect(jsonLines<EventLine>(stdout)).toMatchObject([{ key: ids[0], type: null, value: null }]);
    expect(code).toBe(0);
  });
});
