import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { createClock, type Clock } from '../chaos/clock.ts';
import type { Task } from '../../services/task/task.ts';
import { startOps } from '../support/ops.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import type { ServiceProcess } from '../support/process.ts';
import { createTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const HOUR_MS = 3_600_000;

let pipeline: Pipeline;
let clock: Clock;
let elasticsearch: TcpProxy;
let api: ServiceProcess;
let indexer: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  clock = await createClock(pipeline.database);
  elasticsearch = await createTcpProxy(Number(new URL(inject('elasticsearchUrl')).port));
  const env = {
    ...clock.env,
    ELASTICSEARCH_URL: `http://127.0.0.1:${elasticsearch.port}`,
    RETRY_MAX_MS: '200',
    LOG_LEVEL: 'info',
  };
  [api, indexer] = await Promise.all([pipeline.startApi(env), pipeline.startIndexer(env)]);
});
afterEach(() => clock.step(0));
afterAll(async () => {
  await pipeline.close();
  await elasticsearch.close();
  clock.close();
});

/** Whether a line of the log has a time of the stepped clock. */
const hasStepped = (log: string): boolean =>
  [...log.matchAll(/"time":"([^"]+)"/g)].some(([, time]) => Date.parse(String(time)) > Date.now() + HOUR_MS / 2);

it('goes on while the clocks of API, relay, indexer and database step an hour ahead and back', async () => {
  for (const offsetMs of [0, HOUR_MS, -HOUR_MS, 0]) {
    await clock.step(offsetMs);
    for (let count = 0; count < 20; count += 1) await createTask(api, `at ${offsetMs}`);
    await pipeline.converged();
    for (const { healthUrl } of [api, indexer]) {
      for (const path of ['/livez', '/readyz']) expect((await fetch(healthUrl + path)).status).toBe(200);
    }
  }
  expect(await api.metric('taskstream_relay_failures_total')).toBe(0);
  expect(await indexer.metric('taskstream_indexer_rebalances_total', { kind: 'lost' })).toBe(0);
});

it('lists and finds the newest first though the clocks of two replicas differ', async () => {
  const other = await pipeline.startApi();
  const created: string[] = [];
  clock.stepServices(HOUR_MS);
  await waitFor('the step', async () => {
    await call(api, 'GET', '/tasks?limit=1');
    return hasStepped(api.logs().split('\n').slice(-2).join());
  });
  for (let count = 0; count < 20; count += 1) {
    created.push((await createTask(count % 2 === 0 ? api : other, 'by whose clock')).id);
  }
  await pipeline.converged();
  for (const answer of [
    await call(api, 'GET', '/tasks?limit=100'),
    await call(api, 'POST', '/tasks/search', { size: 100 }),
  ]) {
    const tasks = (answer.body as { tasks: Task[] }).tasks.filter(({ id }) => created.includes(id));
    expect(tasks.map(({ id }) => id)).toEqual(created.toReversed());
    // A UUIDv7 begins with its time, in milliseconds.
    for (const { id, createdAt } of tasks) {
      expect(parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(Date.parse(createdAt));
    }
  }
});

it('reports how long an outage lasts, and not by how much the clock stepped', async () => {
  elasticsearch.cut();
  try {
    await createTask(api, 'during an outage');
    await waitFor('an outage', () => indexer.logs().includes('writes fail'));
    await clock.step(HOUR_MS);
    await waitFor('the step', () => hasStepped(indexer.logs()));
    const text = await (await fetch(`${indexer.healthUrl}/readyz`)).text();
    expect(Number(/\(for (\d+) s\)/.exec(text)?.[1])).toBeLessThan(HOUR_MS / 2_000);
  } finally {
    elasticsearch.restore();
  }
  await pipeline.converged();
});

it('lets a migration wait for its database as long as it was given', async () => {
  const migration = startOps(['migrate'], {
    ...pipeline.env,
    ...clock.env,
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    MIGRATE_DEADLINE_MS: '600000',
  });
  try {
    await waitFor('an attempt', () => migration.stdout().includes('trying again'));
    await clock.step(HOUR_MS);
    await waitFor('an attempt after the step', () => hasStepped(migration.stdout()), { timeoutMs: 30_000 });
  } finally {
    migration.child.kill('SIGKILL');
    await migration.ended;
  }
});
