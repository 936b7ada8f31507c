/**
 * What a create costs on its way from the request to the index, in CPU of each process, and in bytes written: at given rates and at the most, with
 * the default settings and with longer waits between batches, and with the services of another release.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../../support/wait.ts';
import { caughtUp } from '../caught-up.ts';
import { runChild } from '../child.ts';
import type { HttpResult } from '../children/generate-http.ts';
import { sumOfCpu, type CpuByProcess } from '../cpu.ts';
import type { Measurement, Series } from '../measurement.ts';
import type { Stack } from '../stack.ts';
import { writeSteadily } from '../tasks.ts';
import { perOperation } from '../threads.ts';
import type { Bench, BenchContext } from './bench.ts';

const CONNECTIONS = 32;
/** Creates a second; the last is as many as go. */
const RATES = [100, 1_000, undefined] as const;
type Rate = (typeof RATES)[number];
/** Changes a second without HTTP: more than two cores take requests for. */
const CHANGES = 5_000;

const SETTINGS: readonly { readonly name: string; readonly settings: Readonly<Record<string, string>> }[] = [
  { name: '', settings: {} },
  { name: ', found after 5 s', settings: { FRESHNESS_TARGET_MS: '5000' } },
];

/** A load as long as one that is measured, for the services of a stack; and the JVMs compile what they do often for minutes. */
const WARM_UPS = { services: 1, servers: 8 };

/** Microseconds a create that all processes may take together. */
const GOAL_TOTAL = new Map<Rate, number>([
  [1_000, 800],
  [undefined, 600],
]);
/** Times the creates a second of another release. */
const GOAL_RATE = 2;
/** At 1,000 a second. */
const GOAL_API = 300;
const GOAL_INDEXING = 250;

export const cost: Bench = {
  run: async (context) => {
    const at = async (
      name: string,
      settings: Readonly<Record<string, string>>,
      warmUps: number,
      checkout?: string,
    ): Promise<number> => {
      const stack = await context.servers.createStack(settings);
      try {
        return await measure(stack, name, context, warmUps, checkout);
      } finally {
        await stack.close();
      }
    };
    const most: number[] = [];
    for (const [turn, { name, settings }] of SETTINGS.entries()) {
      most.push(await at(name, settings, turn === 0 ? WARM_UPS.servers : WARM_UPS.services));
    }
    const [ours = Number.NaN] = most;
    for (const { release } of context.peers) {
      if (release === undefined) continue;
      const name = `release ${release.version}`;
      const theirs = await at(`, ${name}`, {}, WARM_UPS.services, release.checkout);
      const value = ours / theirs;
      context.report.add({
        what: `creates a second at full load: times those of ${name}`,
        value,
        unit: 'x',
        goal: { text: `≥ ${GOAL_RATE}`, isMet: value >= GOAL_RATE },
      });
    }
  },
};

/**
 * @param checkout of the release whose services run; this one's when not given
 * @returns creates a second at full load
 */
const measure = async (
  stack: Stack,
  name: string,
  { report, isQuick }: BenchContext,
  warmUps: number,
  checkout?: string,
): Promise<number> => {
  // The relay runs in one API alone: one without requests shows what its part is.
  const relay = await stack.start('api', 'relay', checkout);
  await waitFor('the relay to begin', async () => (await relay.metric('taskstream_relay_leader')) === 1);
  const api = await stack.start('api', 'API', checkout);
  await stack.start('indexer', 'indexer', checkout);
  let most = Number.NaN;
  const load = async (rate: Rate): Promise<HttpResult> => {
    const result = await runChild<HttpResult>('generate-http', {
      url: `http://127.0.0.1:${api.port}`,
      operation: 'create',
      connections: CONNECTIONS,
      seconds: secondsOf(isQuick),
      ids: [],
      ...(rate === undefined ? {} : { rate }),
    });
    if (result.failures > 0) throw new Error(`${result.failures} requests failed`);
    await caughtUp(stack);
    return result;
  };
  for (let turn = 1; turn <= warmUps; turn += 1) {
    report.progress(`warming up${name}, ${turn} of ${warmUps}`);
    await load(undefined);
  }
  const series = new Map<string, [number, number][]>();
  for (const rate of RATES) {
    const what = `create to index${name}, ${rate === undefined ? 'full load' : `${rate.toLocaleString('en-GB')}/s`}`;
    report.progress(what);
    let result: HttpResult | undefined;
    const [before, threads] = [await stack.bytes(), await stack.threads()];
    const cpu = await stack.measureCpu(async () => (result = await load(rate)).requests);
    if (result === undefined) throw new Error('nothing was measured');
    const { requests, perSecond, p50Ms, p99Ms } = result;
    if (rate === undefined) most = perSecond;
    report.add({ what, value: perSecond, unit: '/s', p50Ms, p99Ms, cpu });
    if (rate === 1_000) {
      const used = await stack.threads();
      for (const server of ['Kafka', 'Elasticsearch'] as const) {
        const parts = perOperation(threads[server], used[server], requests);
        report.add({ what: `${what}: ${server} by its threads`, value: sumOfCpu(parts), unit: 'µs', cpu: parts });
      }
      const after = await stack.bytes();
      for (const [where, bytes] of Object.entries(after)) {
        const value = (bytes - before[where as keyof typeof before]) / requests;
        report.add({ what: `${what}: ${where}`, value, unit: 'B' });
      }
    }
    if (checkout === undefined) for (const measurement of goalsOf(what, rate, cpu)) report.add(measurement);
    for (const [process, micros] of Object.entries(cpu)) {
      series.set(process, [...(series.get(process) ?? []), [perSecond, micros]]);
    }
  }
  await measureChanges(stack, name, { report, isQuick });
  report.plot({
    name: `cost${name.replaceAll(/[^a-z0-9]+/g, '-')}`,
    title: `CPU of a create until it is in the index${name}`,
    xTitle: 'creates a second',
    yTitle: 'µs',
    logX: true,
    series: [...series].map(([process, points]): Series => ({ name: process, points })),
  });
  return most;
};

/** What a change costs behind the request, more of them a second than the API takes here. */
const measureChanges = async (
  stack: Stack,
  name: string,
  { report, isQuick }: Pick<BenchContext, 'report' | 'isQuick'>,
): Promise<void> => {
  const what = `change to index${name}, ${CHANGES.toLocaleString('en-GB')}/s, written by SQL`;
  report.progress(what);
  let perSecond = Number.NaN;
  const cpu = await stack.measureCpu(async () => {
    const startedAt = performance.now();
    const writes = writeSteadily(stack, CHANGES);
    await sleep(secondsOf(isQuick) * 1_000);
    const count = await writes.stop();
    await caughtUp(stack);
    perSecond = (count * 1_000) / (performance.now() - startedAt);
    return count;
  });
  report.add({ what, value: perSecond, unit: '/s', cpu });
};

/** How long a load lasts. */
const secondsOf = (isQuick: boolean): number => (isQuick ? 3 : 15);

const goalsOf = (what: string, rate: Rate, cpu: CpuByProcess): Measurement[] => {
  const goal = (part: string, value: number, most: number): Measurement => ({
    what: `${what}: ${part}`,
    value,
    unit: 'µs',
    goal: { text: `≤ ${most} µs`, isMet: value <= most },
  });
  const { API = 0, Kafka = 0, Elasticsearch = 0, indexer = 0 } = cpu;
  const total = GOAL_TOTAL.get(rate);
  return [
    ...(total === undefined ? [] : [goal('all processes', sumOfCpu(cpu), total)]),
    ...(rate === 1_000
      ? [
          goal('API', API, GOAL_API),
          goal('Kafka, Elasticsearch and indexer', Kafka + Elasticsearch + indexer, GOAL_INDEXING),
        ]
      : []),
  ];
};
