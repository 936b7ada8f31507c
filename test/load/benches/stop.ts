/** SIGTERM to exit under full load, and from the start of a process until it is ready. */
import { taskIn } from '../../support/task.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopProcess, type ServiceProcess } from '../../support/process.ts';
import { runChild } from '../child.ts';
import type { HttpResult } from '../children/generate-http.ts';
import { percentile, type Report } from '../measurement.ts';
import { fillTasks } from '../tasks.ts';
import type { Bench } from './bench.ts';

const GOAL_MS = 1_000;
const LOADED_MS = 1_500;

export const stop: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const rounds = isQuick ? 2 : 20;
    const stack = await servers.createStack();
    try {
      // More events than can be indexed in all rounds together.
      report.progress('filling the topic');
      await fillTasks(stack.database.pool, isQuick ? 20_000 : 400_000, undefined, taskIn(stack.env));
      await runChild<unknown>('produce', { env: stack.env, topic: stack.topics.tasks, chunk: 1_000 });
      await stack.database.pool.query('TRUNCATE outbox');
      const starts: Record<'api' | 'indexer', number[]> = { api: [], indexer: [] };
      const stops: Record<'api' | 'indexer', number[]> = { api: [], indexer: [] };
      for (let round = 0; round < rounds; round += 1) {
        report.progress(`stop under load, ${round + 1} of ${rounds}`);
        const indexer = await timed(starts.indexer, stack.startIndexer);
        await sleep(LOADED_MS);
        await timed(stops.indexer, () => gracefully(indexer));
        const api = await timed(starts.api, stack.startApi);
        const load = runChild<HttpResult>('generate-http', {
          url: `http://127.0.0.1:${api.port}`,
          operation: 'create',
          connections: 32,
          seconds: 4,
          ids: [],
        });
        await sleep(LOADED_MS + 1_000);
        await timed(stops.api, () => gracefully(api));
        await load;
      }
      for (const service of ['api', 'indexer'] as const) {
        add(report, `${service}: SIGTERM to exit under load`, stops[service], GOAL_MS);
        add(report, `${service}: cold start to ready`, starts[service]);
      }
    } finally {
      await stack.close();
    }
  },
};

const timed = async <T>(times: number[], work: () => Promise<T>): Promise<T> => {
  const startedAt = performance.now();
  const result = await work();
  times.push(performance.now() - startedAt);
  return result;
};

const gracefully = async (service: ServiceProcess): Promise<void> => {
  const { code } = await stopProcess(service);
  if (code !== 0) throw new Error(`a stop under load ended with ${code}: ${service.logs().slice(-1_000)}`);
};

const add = (report: Report, what: string, times: readonly number[], goalMs?: number): void => {
  const p99 = percentile(times, 0.99);
  report.add({
    what,
    value: p99,
    unit: 'ms',
    p50Ms: percentile(times, 0.5),
    p99Ms: p99,
    ...(goalMs === undefined ? {} : { goal: { text: `p99 < ${goalMs} ms`, isMet: p99 < goalMs } }),
  });
};
