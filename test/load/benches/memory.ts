/** Resident memory of both services over a million events, and what they use when nothing happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceProcess } from '../../support/process.ts';
import { caughtUp } from '../caught-up.ts';
import { runChild } from '../child.ts';
import { cpuMicros } from '../cpu.ts';
import type { HttpResult } from '../children/generate-http.ts';
import { percentile, type Report } from '../measurement.ts';
import type { Bench } from './bench.ts';

const GOAL_MB = 200;
const GOAL_GROWTH = 1.1;
const GOAL_IDLE_PERCENT = 2;
const MB = 1_048_576;

export const memory: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const total = isQuick ? 50_000 : 1_000_000;
    const stack = await servers.createStack();
    try {
      const services = { api: await stack.startApi(), indexer: await stack.startIndexer() };
      const samples: Record<'api' | 'indexer', [number, number][]> = { api: [], indexer: [] };
      const countOf = { api: 'taskstream_relay_published_total', indexer: 'taskstream_indexer_events_total' } as const;
      const state = { isWriting: true };
      const watch = async () => {
        while (state.isWriting) {
          for (const name of ['api', 'indexer'] as const) {
            const service = services[name];
            samples[name].push([await service.metric(countOf[name]), service.residentBytes() / MB]);
          }
          report.progress(`${samples.indexer.at(-1)?.[0] ?? 0} of ${total} events`);
          await sleep(1_000);
        }
      };
      const watching = watch();
      for (let created = 0; created < total;) {
        const seconds = 10;
        const { perSecond } = await runChild<HttpResult>('generate-http', {
          url: `http://127.0.0.1:${services.api.port}`,
          operation: 'create',
          connections: 32,
          seconds,
          ids: [],
        });
        created += perSecond * seconds;
      }
      await caughtUp(stack);
      state.isWriting = false;
      await watching;
      for (const name of ['api', 'indexer'] as const) addMemory(report, name, samples[name], total);
      report.plot({
        name: 'memory',
        title: 'Resident memory over events',
        xTitle: 'events',
        yTitle: 'MB',
        series: Object.entries(samples).map(([name, points]) => ({ name, points })),
      });
      await addIdle(report, Object.values(services), isQuick ? 3 : 30);
    } finally {
      await stack.close();
    }
  },
};

const addMemory = (report: Report, name: string, samples: readonly [number, number][], total: number): void => {
  const around = (from: number, to: number) =>
    percentile(
      samples.filter(([count]) => count >= from && count <= to).map(([, megabytes]) => megabytes),
      0.5,
    );
  const early = around(total * 0.05, total * 0.15);
  const late = around(total * 0.9, Number.POSITIVE_INFINITY);
  const most = Math.max(...samples.map(([, megabytes]) => megabytes));
  report.add({
    what: `${name}: resident memory, highest`,
    value: most,
    unit: 'MB',
    goal: { text: `< ${GOAL_MB} MB`, isMet: most < GOAL_MB },
  });
  report.add({
    what: `${name}: resident memory at the end against a tenth of the events`,
    value: late / early,
    unit: 'x',
    goal: { text: `≤ ${GOAL_GROWTH}`, isMet: late / early <= GOAL_GROWTH },
  });
};

const addIdle = async (report: Report, services: readonly ServiceProcess[], seconds: number): Promise<void> => {
  report.progress(`idle for ${seconds} s`);
  await sleep(2_000);
  const before = services.map(({ pid }) => cpuMicros(pid));
  await sleep(seconds * 1_000);
  const used = services.reduce((sum, { pid }, index) => sum + cpuMicros(pid) - (before[index] ?? 0), 0);
  const percent = (100 * used) / 1_000_000 / seconds;
  report.add({
    what: 'API and indexer idle, of one core',
    value: percent,
    unit: '%',
    goal: { text: `< ${GOAL_IDLE_PERCENT} %`, isMet: percent < GOAL_IDLE_PERCENT },
  });
};
