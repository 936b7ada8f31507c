/**
 * How long changes wait while indexers come and go, in both protocols of the group. A partition's wait is the longest of its
 * changes', from the row until its document is written: a partition that rests keeps the next change waiting just as long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { readTopic } from '../../support/kafka.ts';
import { killProcess, stopProcess, type ServiceProcess } from '../../support/process.ts';
import { waitFor } from '../../support/wait.ts';
import { caughtUp } from '../caught-up.ts';
import { median } from '../measurement.ts';
import { PARTITIONS, type Stack } from '../stack.ts';
import { writeSteadily } from '../tasks.ts';
import type { Bench, BenchContext } from './bench.ts';

const PROTOCOLS = ['classic', 'consumer'] as const;
const SAMPLE_MS = 20;
/** Batches of a tenth of a second: by default a change waits for a second anyway, which would hide a rest of that length. */
const FRESHNESS_MS = '100';
/** The default of `SESSION_TIMEOUT_MS`, and the broker's in the other protocol. */
const SESSION_MS = 15_000;
const GOAL_MS = 1_000;
/** A change that comes so shortly before the next step may wait for that one's sake. */
const LAST_MS = 3_000;

interface Step {
  readonly what: string;
  readonly watchMs: number;
  readonly goalMs?: number;
  /** Changes who is there. */
  run(indexers: ServiceProcess[], stack: Stack): Promise<unknown>;
}

const join = (from: number, to: number): Step => ({
  what: `${from} to ${to}`,
  watchMs: 10_000,
  goalMs: GOAL_MS,
  run: async (indexers, { startIndexer }) => {
    indexers.push(...(await Promise.all(Array.from({ length: to - from }, startIndexer))));
  },
});

const leave = (from: number, to: number): Step => ({
  what: `${from} to ${to}, stopped`,
  watchMs: 10_000,
  goalMs: GOAL_MS,
  run: (indexers) => Promise.all(indexers.splice(to).map(stopProcess)),
});

const stay: Step = { what: 'nothing changes', watchMs: 10_000, run: () => Promise.resolve() };

const kill: Step = {
  what: 'one of 3 killed',
  watchMs: 2 * SESSION_MS + 10_000,
  // Two heartbeats more, until the others have what was its.
  goalMs: SESSION_MS + GOAL_MS,
  run: (indexers) => Promise.all(indexers.splice(2).map(killProcess)),
};

/** By changes a second. The second is up to one indexer for each partition and back, by as many at a time as the ScaledObject allows. */
const STEPS: Readonly<Record<number, readonly Step[]>> = {
  1_000: [stay, join(1, 4), join(4, 8), leave(8, 3), kill],
  5_000: [stay, join(1, 5), join(5, 10), join(10, PARTITIONS), leave(PARTITIONS, 6), leave(6, 3), leave(3, 1)],
};

export const scaling: Bench = {
  run: async (context) => {
    for (const [rate, steps] of Object.entries(STEPS)) {
      for (const protocol of PROTOCOLS) {
        const stack = await context.servers.createStack({
          GROUP_PROTOCOL: protocol,
          FRESHNESS_TARGET_MS: FRESHNESS_MS,
        });
        try {
          await measure(stack, `${protocol} at ${rate}/s`, Number(rate), steps, context);
        } finally {
          await stack.close();
        }
      }
    }
  },
};

const measure = async (
  stack: Stack,
  name: string,
  rate: number,
  steps: readonly Step[],
  { report, isQuick }: BenchContext,
): Promise<void> => {
  const api = await stack.startApi();
  await waitFor('the relay to begin', async () => (await api.metric('taskstream_relay_leader')) === 1);
  const indexers = [await stack.startIndexer()];
  const written = watchWrites(stack);
  const load = writeSteadily(stack, rate);
  const windows: { readonly step: Step; readonly fromMs: number; readonly toMs: number; readonly again: number }[] = [];
  try {
    // Code that is compiled, and an index that has met its documents.
    await sleep(isQuick ? 2_000 : 20_000);
    for (const step of steps) {
      report.progress(`${name}: ${step.what}`);
      const before = await stack.index.conflicts();
      const fromMs = Date.now();
      await step.run(indexers, stack);
      await sleep(step.watchMs);
      const toMs = Date.now() - LAST_MS;
      windows.push({ step, fromMs, toMs, again: (await stack.index.conflicts()) - before });
    }
    await load.stop();
    await caughtUp(stack);
  } finally {
    await Promise.all([load.stop(), written.stop()]);
  }
  const waits = await waitsOf(stack, written);
  for (const { step, fromMs, toMs, again } of windows) {
    const longest = new Map<number, number>();
    for (const { partition, madeAtMs, waitMs } of waits) {
      if (madeAtMs < fromMs || madeAtMs > toMs) continue;
      longest.set(partition, Math.max(longest.get(partition) ?? 0, waitMs));
    }
    const [middle, most] = [median([...longest.values()]), Math.max(...longest.values())];
    if (longest.size < PARTITIONS) throw new Error(`${name}, ${step.what}: some partitions had no change`);
    const { what, goalMs } = step;
    report.add({
      what: `${name}, ${what}: longest wait of a partition, median and most`,
      value: most,
      unit: 'ms',
      p50Ms: middle,
      ...(goalMs === undefined ? {} : { goal: { text: `≤ ${goalMs} ms`, isMet: most <= goalMs } }),
    });
    report.add({
      what: `${name}, ${what}: delivered again`,
      value: again,
      unit: 'events',
      ...(goalMs === GOAL_MS ? { goal: { text: '0', isMet: again === 0 } } : {}),
    });
  }
};

/** Documents are numbered as they are written: the number reached at a time says which were. */
const watchWrites = ({ index: { client, index } }: Stack) => {
  const samples: { readonly atMs: number; readonly reached: number }[] = [];
  let isRunning = true;
  const run = async () => {
    while (isRunning) {
      const stats = await client.indices.stats({ index, level: 'shards', metric: 'docs' });
      const reached = stats.indices?.[index]?.shards?.['0']?.[0]?.seq_no?.max_seq_no ?? -1;
      samples.push({ atMs: Date.now(), reached });
      await sleep(SAMPLE_MS);
    }
  };
  const running = run();
  running.catch(() => undefined);
  return {
    samples,
    stop: async () => {
      isRunning = false;
      await running;
    },
  };
};

interface Wait {
  readonly partition: number;
  readonly madeAtMs: number;
  readonly waitMs: number;
}

const waitsOf = async ({ env, topics, index }: Stack, { samples }: ReturnType<typeof watchWrites>): Promise<Wait[]> => {
  const partitions = new Map<string, number>();
  for (const { key, partition } of await readTopic(env['KAFKA_BROKERS'] ?? '', topics.tasks)) {
    partitions.set(String(key), partition);
  }
  const waits: Wait[] = [];
  let at = 0;
  // In the order of their numbers, as the samples are.
  for await (const { id, number } of index.documents('_seq_no')) {
    while (at < samples.length - 1 && (samples[at]?.reached ?? 0) < number) at += 1;
    const partition = partitions.get(id);
    if (partition === undefined) throw new Error(`no event of ${id} is in the topic`);
    const madeAtMs = timeOfId(id);
    waits.push({ partition, madeAtMs, waitMs: (samples[at]?.atMs ?? 0) - madeAtMs });
  }
  return waits;
};

/** Milliseconds since 1970, as UUIDs of version 7 begin with them (RFC 9562, 5.7). */
const timeOfId = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
