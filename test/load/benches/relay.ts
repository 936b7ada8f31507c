/**
 * Outbox to Kafka: a full outbox drains, by one relay and by several that share its slots, beside a raw producer that is fed with the
 * records of the same rows, and beside peers that publish the same rows.
 */
import { SILENCE_MS } from '../../../services/pipeline/relay/session.ts';
import { taskIn } from '../../support/task.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { runChild } from '../child.ts';
import type { ProduceOrder, ProduceResult } from '../children/produce.ts';
import { sumOfCpu, type CpuByProcess } from '../cpu.ts';
import { ratioGoal } from '../measurement.ts';
import type { Publisher, Publishing } from '../peers/peer.ts';
import { rateOf, type Sample } from '../rate.ts';
import { fillTasks } from '../tasks.ts';
import { createSpareTopic } from '../spare-topic.ts';
import type { Stack } from '../stack.ts';
import type { Bench, BenchContext } from './bench.ts';

const CHUNK = 1_000;
/** Of the raw producer, of which the last counts. */
const RAW_TURNS = 3;
const STALLED_MS = 60_000;
/** Relays that publish at once, beside one. */
const LANES = [2, 4];
/** What works for a publisher. */
const SERVERS = ['PostgreSQL', 'Kafka'];

interface Drained {
  readonly perSecond: number;
  readonly cpu: CpuByProcess;
}

export const relay: Bench = {
  run: async (context) => {
    const { report, peers } = context;
    let raw = Number.NaN;
    const { perSecond: value, cpu } = await measure(context, relays(1), async (stack) => {
      report.progress('raw producer');
      raw = await produceRaw(stack);
    });
    const ceiling = { what: 'raw producer', value: raw };
    report.add({ what: 'relay, full outbox', value, unit: '/s', cpu, ...ratioGoal(value, ceiling, 0.7) });
    for (const lanes of LANES) {
      const shared = await measure(context, relays(lanes));
      report.add({ what: `${lanes} relays, full outbox`, value: shared.perSecond, unit: '/s', cpu: shared.cpu });
      report.add({
        what: `${lanes} relays: times the events a second of one`,
        value: shared.perSecond / value,
        unit: 'x',
      });
    }
    for (const peer of peers) {
      const { name, goals } = peer;
      const drained = await measure(context, peer);
      report.add({ what: `${name}, full outbox`, value: drained.perSecond, unit: '/s', cpu: drained.cpu });
      const rates = value / drained.perSecond;
      const costs = sumOfCpu(cpu, ['relay', ...SERVERS]) / sumOfCpu(drained.cpu, [name, ...SERVERS]);
      report.add({
        what: `relay: times the events a second of ${name}`,
        value: rates,
        unit: 'x',
        ...(goals && { goal: { text: `≥ ${goals.rate}`, isMet: rates >= goals.rate } }),
      });
      report.add({
        what: `relay: times the CPU of ${name} for an event, with that of PostgreSQL and Kafka`,
        value: costs,
        unit: 'x',
        ...(goals && { goal: { text: `≤ ${goals.cpu}`, isMet: costs <= goals.cpu } }),
      });
    }
  },
};

const relays = (lanes: number): Publisher => ({
  name: 'relay',
  start: (stack) =>
    Promise.all(Array.from({ length: lanes }, () => stack.startApi('relay', { RELAY_LANES: String(lanes) }))),
});

/** Events a second of a producer that has the records of the outbox in memory; the first time the broker compiles what it does. */
const produceRaw = async (stack: Stack): Promise<number> => {
  let perSecond = Number.NaN;
  for (let turn = 0; turn < RAW_TURNS; turn += 1) {
    const spare = await createSpareTopic(stack);
    try {
      const order: ProduceOrder = { env: stack.env, topic: spare.tasks, chunk: CHUNK };
      ({ perSecond } = await runChild<ProduceResult>('produce', order));
    } finally {
      await spare.close();
    }
  }
  return perSecond;
};

/**
 * An outbox drains twice: the first time starts the process, and lets it compile and plan what production keeps so. Then it
 * stands still until the outbox is full again.
 * @param onFull is called once, before anybody publishes
 * @throws when nothing is published for a minute
 */
const measure = async (
  { servers, report, isQuick }: BenchContext,
  { name, prepare, start }: Publisher,
  onFull?: (stack: Stack) => Promise<void>,
): Promise<Drained> => {
  const count = isQuick ? 20_000 : 100_000;
  const stack = await servers.createStack();
  let publishing: readonly Publishing[] = [];
  let already = 0;
  const fill = async () => {
    report.progress(`${name}: filling an outbox of ${count} rows`);
    await fillTasks(stack.database.pool, count, undefined, taskIn(stack.env));
    // A fresh statistic, as autovacuum would have made it while the rows came.
    await stack.database.pool.query('ANALYZE outbox');
  };
  /** Until all rows are published; counted in the topic, where all publishers write. */
  const drain = async (): Promise<Sample[]> => {
    const samples: Sample[] = [{ atMs: performance.now(), count: 0 }];
    let movedAt = performance.now();
    for (let published = 0; published < count;) {
      await sleep(50);
      const now = (await stack.topics.end()) - already;
      if (now > published) movedAt = performance.now();
      if (performance.now() - movedAt > STALLED_MS) throw new Error(`${name} stopped after ${published} events`);
      published = now;
      samples.push({ atMs: performance.now(), count: published });
    }
    already += count;
    return samples;
  };
  try {
    await prepare?.(stack);
    await fill();
    await onFull?.(stack);
    report.progress(`${name}: warming up`);
    publishing = await start(stack);
    await drain();
    const stoodFrom = performance.now();
    for (const { pid } of publishing) process.kill(pid, 'SIGSTOP');
    try {
      await fill();
    } finally {
      for (const { pid } of publishing) process.kill(pid, 'SIGCONT');
    }
    if (performance.now() - stoodFrom > SILENCE_MS) {
      report.progress(`${name}: PostgreSQL has ended its session meanwhile, and with it went its plans`);
    }
    report.progress(name);
    let samples: Sample[] = [];
    const cpu = await stack.measureCpu(async () => {
      samples = await drain();
      return count;
    });
    return { perSecond: rateOf(samples), cpu };
  } finally {
    try {
      await Promise.all(publishing.map(async ({ stop }) => stop?.()));
    } finally {
      await stack.close();
    }
  }
};
