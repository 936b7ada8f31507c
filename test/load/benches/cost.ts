/**
 * What a create costs on its way from the request to the index, in CPU of each process, and in bytes written: at given rates and at the most, with
 * the default settings and with longer waits between batches.
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
/** At 1,000 a second. */
const GOAL_API = 300;
const GOAL_INDEXING = 250;

export const cost: Bench = {
  run: async (context) => {
    for (const [turn, { name, settings }] of SETTINGS.entries()) {
      const stack = await context.servers.createStack(settings);
      try {
        await measure(stack, name, context, turn === 0 ? WARM_UPS.servers : WARM_UPS.services);
      } finally {
        await stack.close();
      }
    }
  },
};

const measure = async (
  stack: Stack,
  name: string,
  { report, isQuick }: BenchContext,
  warmUps: number,
): Promise<void> => {
  // The relay runs in one API alone: one without requests shows what its part is.
  const relay = await stack.startApi('relay');
  await waitFor('the relay to begin', async () => (await relay.metric('taskstream_relay_leader')) === 1);
  const api = await stack.startApi();
  await stack.startIndexer();
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
    const before = await stack.bytes();
    const cpu = await stack.measureCpu(async () => (result = await load(rate)).requests);
    if (result === undefined) throw new Error('nothing was measured');
    const { requests, perSecond, p50Ms, p99Ms } = result;
    report.add({ what, value: perSecond, unit: '/s', p50Ms, p99Ms, cpu });
    if (rate === 1_000) {
      const after = await stack.bytes();
      for (const [where, bytes] of Object.entries(after)) {
        const value = (bytes - before[where as keyof typeof before]) / requests;
        report.add({ what: `${what}: ${where}`, value, unit: 'B' });
      }
    }
    for (const measurement of goalsOf(what, rate, cpu)) report.add(measurement);
    for (const [process, micros] of Object.entries(cpu)) {
      series.set(process, [...(series.get(process) ?? []), [perSecond, micros]]);
    }
  }
  await measureChanges(stack, name, { report, isQuick });
  report.plot({
    name: name === '' ? 'cost' : 'cost-5-s',
    title: `CPU of a create until it is in the index${name}`,
    xTitle: 'creates a second',
    yTitle: 'µs',
    logX: true,
    series: [...series].map(([process, points]): Series => ({ name: process, points })),
  });
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
