import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { Message } from '../../services/platform/kafka/native.ts';
import { partitionOf } from '../../services/platform/kafka/partition.ts';
import { growTopic } from '../support/grow-topic.ts';
import { runOps } from '../support/ops.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';

/** Topics of tests begin with four partitions. */
const AFTER = 8;
const TASKS = 40;
/** New partitions are found within 30 s. */
const FOUND = { timeoutMs: 60_000, intervalMs: 200 };

let pipeline: Pipeline;
let ids: string[];

beforeEach(async () => {
  pipeline = await createPipeline();
});
afterEach(() => pipeline.close());

const update = async (api: ServiceProcess, id: string, text: string): Promise<void> => {
  const { status } = await call(api, 'PUT', `/tasks/${id}`, updateOf(text));
  if (status !== 200) throw new Error(`PUT answered ${status}`);
};
const updateAll = (api: ServiceProcess, text: string) => Promise.all(ids.map((id) => update(api, id, text)));
const deleteTask = async (api: ServiceProcess, id: string | undefined): Promise<void> => {
  expect((await call(api, 'DELETE', `/tasks/${id ?? ''}`)).status).toBe(204);
};
const createAll = async (api: ServiceProcess): Promise<void> => {
  ids = await Promise.all(Array.from({ length: TASKS }, async (_, i) => (await createTask(api, `grown ${i}`)).id));
};

interface Place {
  readonly partition: number;
  readonly version: number;
}

/** Where the versions of each task stand, in the order of the topic within each partition. */
const placesByTask = (messages: readonly Message[]): ReadonlyMap<string, readonly Place[]> => {
  const places = new Map<string, Place[]>();
  for (const { key, value, partition } of messages) {
    if (value === null) continue;
    const { version } = (JSON.parse(String(value)) as { value: { version: number } }).value;
    const id = String(key);
    places.set(id, [...(places.get(id) ?? []), { partition, version }]);
  }
  return places;
};

const movedOf = async (): Promise<(readonly [string, readonly Place[]])[]> => {
  const places = placesByTask(await pipeline.topics.readAll(pipeline.topics.tasks));
  return [...places].filter(([, found]) => new Set(found.map(({ partition }) => partition)).size > 1);
};

const assignedOf = async (indexers: readonly ServiceProcess[]): Promise<number> =>
  (await Promise.all(indexers.map((one) => one.metric('taskstream_indexer_assigned_partitions')))).reduce(
    (sum, count) => sum + count,
    0,
  );

describe('when partitions grow from 4 to 8', () => {
  it('under writes, events of one task stand in two partitions, and the index keeps the newest: nothing lost or resurrected', async () => {
    // It answers the request that is on its way to it when it is told to stop.
    const first = await pipeline.startApi({ DRAIN_DELAY_MS: '5000' });
    const indexers = await Promise.all([pipeline.startIndexer(), pipeline.startIndexer()]);
    await createAll(first);
    await pipeline.database.outboxEmpty();
    // Acknowledged by whichever API is up: the rollout that makes producers see the new partitions.
    let api = first;
    const stop = new AbortController();
    const writer = (async () => {
      for (let round = 0; !stop.signal.aborted; round += 1) {
        for (const id of ids.slice(2)) await update(api, id, `round ${round}`);
      }
    })();
    await growTopic(inject('kafkaBrokers'), pipeline.topics.tasks, AFTER);
    const second = await pipeline.startApi();
    api = second;
    await Promise.all([stopProcess(first), deleteTask(second, ids[0]), deleteTask(second, ids[1])]);
    await waitFor('all new partitions to be read', async () => (await assignedOf(indexers)) === AFTER, FOUND);
    await Promise.all(ids.slice(2).map((id) => update(second, id, 'last')));
    stop.abort();
    await writer;
    await pipeline.converged();
    const moved = await movedOf();
    // A key keeps its partition or moves to the one four further on: librdkafka takes a hash modulo their number.
    expect(moved.length).toBeGreaterThan(TASKS / 8);
    for (const [, places] of moved) {
      const [from, to] = [...new Set(places.map(({ partition }) => partition))].sort((a, b) => a - b);
      expect((to ?? 0) - (from ?? 0)).toBe(AFTER / 2);
    }
    const versions = await pipeline.index.versions();
    expect(versions.size).toBe(TASKS - 2);
    expect([ids[0], ids[1]].filter((id) => versions.has(id ?? ''))).toEqual([]);
    expect(await indexers[0].metric('taskstream_indexer_dead_letters_total')).toBe(0);
  }, 180_000);

  it('a newer version that is read before an older one stays, whichever partition is read first', async () => {
    const first = await pipeline.startApi();
    await createAll(first);
    await updateAll(first, 'old place');
    await pipeline.database.outboxEmpty();
    await stopProcess(first);
    await growTopic(inject('kafkaBrokers'), pipeline.topics.tasks, AFTER);
    const second = await pipeline.startApi();
    await updateAll(second, 'new place');
    await Promise.all(ids.slice(0, 10).map((id) => deleteTask(second, id)));
    await pipeline.database.outboxEmpty();
    expect((await movedOf()).length).toBeGreaterThan(TASKS / 8);
    // Everything waits, in old places and new: the readers take it in any order.
    await Promise.all([pipeline.startIndexer(), pipeline.startIndexer()]);
    await pipeline.converged();
    expect((await pipeline.index.versions()).size).toBe(TASKS - 10);
  }, 120_000);

  it('repartition leaves the newest event of each task in its new place alone, and nothing of a deleted one', async () => {
    const first = await pipeline.startApi();
    const indexer = await pipeline.startIndexer();
    await createAll(first);
    await updateAll(first, 'old place');
    await pipeline.converged();
    await growTopic(inject('kafkaBrokers'), pipeline.topics.tasks, AFTER);
    // A relay that does not know the new partitions yet: the tombstone would end the newest event of all.
    const early = await runOps(['events', 'repartition'], pipeline.env);
    expect(early.code).toBe(1);
    expect(early.stderr).toMatch(/publishes into old places still/);
    const second = await pipeline.startApi();
    await stopProcess(first);
    const deleted = ids.slice(0, 10);
    await Promise.all(deleted.map((id) => deleteTask(second, id)));
    await pipeline.database.outboxEmpty();
    const { code, stdout, stderr } = await runOps(['events', 'repartition'], pipeline.env);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^[1-9]\d* tasks had moved/);
    await pipeline.converged();
    expect((await pipeline.index.versions()).size).toBe(TASKS - deleted.length);
    expect(await indexer.metric('taskstream_indexer_dead_letters_total')).toBe(0);
    // What compaction leaves: the last record of each key in each partition.
    const last = new Map<string, Message>();
    for (const message of await pipeline.topics.readAll(pipeline.topics.tasks)) {
      last.set(`${message.partition} ${String(message.key)}`, message);
    }
    const left = placesByTask([...last.values()]);
    expect([...left.keys()].sort()).toEqual(ids.slice(deleted.length).sort());
    const versions = await pipeline.database.versions();
    for (const [id, places] of left) {
      expect(places).toEqual([{ partition: partitionOf(id, AFTER), version: versions.get(id) }]);
    }
    expect((await runOps(['events', 'repartition'], pipeline.env)).stdout).toMatch(/^0 tasks had moved/);
  }, 180_000);

  it('with publication held back, as the runbook says, nothing of the old places waits when keys move: order holds too', async () => {
    const api = await pipeline.startApi();
    const indexer = await pipeline.startIndexer();
    await createAll(api);
    // The hold sends the relay away wherever it is. What it has not published by then goes to new places alone.
    await pipeline.database.outboxEmpty();
    const hold = spawn(process.execPath, ['--import', 'tsx', 'services/ops/main.ts', 'relay', 'hold'], {
      env: { PATH: process.env['PATH'], DATABASE_URL: pipeline.database.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    hold.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => hold.once('exit', resolve));
    await waitFor('the hold', () => output.includes('held back'));
    // Writes are taken, and wait.
    await updateAll(api, 'while held');
    await waitFor('what was published to be indexed', async () => {
      const [end, committed] = [
        await pipeline.topics.end(),
        await pipeline.topics.committed(`group-${pipeline.topics.tasks}`),
      ];
      return end > 0 && end === committed;
    });
    const endBefore = await pipeline.topics.end();
    expect(await api.metric('taskstream_outbox_rows')).toBeGreaterThanOrEqual(TASKS);
    await growTopic(inject('kafkaBrokers'), pipeline.topics.tasks, AFTER);
    const second = await pipeline.startApi();
    await stopProcess(api);
    await waitFor('the new partitions to be read', async () => (await assignedOf([indexer])) === AFTER, FOUND);
    // All replicas were replaced, and still nothing was published.
    expect(await pipeline.topics.end()).toBe(endBefore);
    hold.kill('SIGTERM');
    expect(await ended).toBe(0);
    await pipeline.converged();
    expect([...(await pipeline.index.versions()).values()].every((version) => version === 2)).toBe(true);
    expect(await second.metric('taskstream_relay_leader')).toBe(1);
    expect((await movedOf()).length).toBeGreaterThan(TASKS / 8);
  }, 180_000);
});
