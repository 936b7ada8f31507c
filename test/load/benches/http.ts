/** The five calls of the API against connections, each beside the same SQL or search without HTTP. */
import { taskIn } from '../../support/task.ts';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { runChild } from '../child.ts';
import type { StoreOrder, StoreResult } from '../children/call-store.ts';
import { OPERATIONS, type HttpResult, type Operation } from '../children/generate-http.ts';
import type { CpuByProcess } from '../cpu.ts';
import { ratioGoal, type Measurement, type Report, type Series } from '../measurement.ts';
import type { Stack } from '../stack.ts';
import { fillTasks } from '../tasks.ts';
import { caughtUp } from '../caught-up.ts';
import type { Bench } from './bench.ts';

const CONNECTIONS = [1, 32, 128];
const ROUNDS = 2;
/** Where the goals are. */
const GOAL_CONNECTIONS = 32;
const GOALS: Partial<Record<Operation, number>> = { create: 0.8, search: 0.8, list: 0.6 };

export const nameOf = (operation: Operation, connections: number): string => `${operation}, ${connections} connections`;

export const http: Bench = {
  run: async ({ servers, report, isQuick }) => {
    const seconds = isQuick ? 2 : 5;
    const stack = await servers.createStack();
    try {
      report.progress('filling 100,000 tasks');
      const ids = await fillTasks(stack.database.pool, isQuick ? 10_000 : 100_000, undefined, taskIn(stack.env));
      const api = await stack.startApi();
      await stack.startIndexer();
      const url = `http://127.0.0.1:${api.port}`;
      // Each measurement begins with an empty outbox: what the one before has written must not be relayed in this one.
      const generate = async (operation: Operation, connections: number, base = url) => {
        await caughtUp(stack);
        let result: HttpResult | undefined;
        const cpu = await stack.measureCpu(async () => {
          result = await runChild<HttpResult>('generate-http', { url: base, operation, connections, seconds, ids });
          return result.requests;
        });
        if (result === undefined) throw new Error('nothing was measured');
        return { ...result, cpu };
      };
      const call = async (operation: Operation, concurrency: number) => {
        await caughtUp(stack);
        const order: StoreOrder = { env: stack.env, operation, concurrency, seconds, ids };
        return runChild<StoreResult>('call-store', order);
      };
      const throughput: Series[] = [];
      const latency: Series[] = [];
      // Reads first: what they see is the same in each run.
      for (const operation of ['read', 'list', 'search', 'update', 'create'] satisfies (typeof OPERATIONS)[number][]) {
        // Elasticsearch compiles what it does often, for seconds: neither side may meet it cold.
        await generate(operation, GOAL_CONNECTIONS);
        const points: [number, number][] = [];
        const ceilings: [number, number][] = [];
        const slowest: [number, number][] = [];
        for (const connections of CONNECTIONS) {
          report.progress(nameOf(operation, connections));
          // In turns, the best of each: servers become faster for minutes, and the side measured last would profit.
          const results: Measured[] = [];
          const bare: StoreResult[] = [];
          for (let round = 0; round < ROUNDS; round += 1) {
            results.push(await generate(operation, connections));
            bare.push(await call(operation, connections));
          }
          const [result, ceiling] = [bestOf(results), bestOf(bare)];
          if (results.some(({ failures }) => failures > 0)) throw new Error(`${operation}: requests failed`);
          report.add({
            what: nameOf(operation, connections),
            value: result.perSecond,
            unit: '/s',
            p50Ms: result.p50Ms,
            p99Ms: result.p99Ms,
            cpu: result.cpu,
            ...goalOf(operation, connections, result.perSecond, ceiling.perSecond),
          });
          points.push([connections, result.perSecond]);
          ceilings.push([connections, ceiling.perSecond]);
          slowest.push([connections, result.p99Ms]);
        }
        throughput.push({ name: operation, points }, { name: `${operation}, without HTTP`, points: ceilings });
        latency.push({ name: operation, points: slowest });
      }
      await compareWithOneStatement(stack, report, generate);
      const x = { xTitle: 'connections', logX: true };
      report.plot({ name: 'http-throughput', title: 'Requests a second', yTitle: '1/s', series: throughput, ...x });
      report.plot({ name: 'http-latency', title: 'Latency, p99', yTitle: 'ms', series: latency, ...x });
    } finally {
      await stack.close();
    }
  },
};

/** Rounds of one measurement, with what a request took of the processors while they came. */
type Measured = HttpResult & { readonly cpu: CpuByProcess };

const bestOf = <T extends { readonly perSecond: number }>(results: readonly T[]): T =>
  results.reduce((best, result) => (result.perSecond > best.perSecond ? result : best));

const goalOf = (
  operation: Operation,
  connections: number,
  value: number,
  perSecond: number,
): Pick<Measurement, 'ceiling' | 'goal'> => {
  const ceiling = { what: operation === 'search' ? 'raw _search' : 'same SQL without HTTP', value: perSecond };
  const least = connections === GOAL_CONNECTIONS ? GOALS[operation] : undefined;
  return least === undefined ? { ceiling } : ratioGoal(value, ceiling, least);
};

/** The same API with one statement for each request, on the same database, its relay and the indexer running too. */
const compareWithOneStatement = async (
  stack: Stack,
  report: Report,
  generate: (operation: Operation, connections: number, base: string) => Promise<Measured>,
): Promise<void> => {
  report.progress('create, one statement a request');
  const child = fork(join(import.meta.dirname, '../children/one-statement-api.ts'), [], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ...stack.env },
  });
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    const rounds: Measured[] = [];
    while (rounds.length < ROUNDS) rounds.push(await generate('create', GOAL_CONNECTIONS, `http://127.0.0.1:${port}`));
    const single = bestOf(rounds);
    const gathered = report.valueOf(nameOf('create', GOAL_CONNECTIONS)) ?? 0;
    const times = gathered / single.perSecond;
    report.add({
      what: `create, ${GOAL_CONNECTIONS} connections, one statement a request`,
      value: single.perSecond,
      unit: '/s',
      p50Ms: single.p50Ms,
      p99Ms: single.p99Ms,
    });
    report.add({
      what: 'create: gathered against one statement a request',
      value: times,
      unit: 'x',
      goal: { text: '≥ 2.5', isMet: times >= 2.5 },
    });
  } finally {
    child.kill('SIGKILL');
  }
};
