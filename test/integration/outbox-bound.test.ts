import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { holdPublication } from '../../services/pipeline/relay/hold.ts';
import { readEnv } from '../../services/platform/env.ts';
import { postgresEnv } from '../../services/platform/postgres.ts';
import { call, createPipeline, createTask, search, type Pipeline } from '../support/pipeline.ts';
import { stopProcess, type ServiceProcess } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';
import { creationOf, updateOf } from '../support/sample.ts';

const MAX_ROWS = 50;

let pipeline: Pipeline;
let api: ServiceProcess;

beforeAll(async () => {
  pipeline = await createPipeline();
  [api] = await Promise.all([
    pipeline.startApi({ OUTBOX_MAX_ROWS: String(MAX_ROWS), LOG_LEVEL: 'info' }),
    pipeline.startIndexer(),
  ]);
});
afterAll(() => pipeline.close());

it('refuses writes as soon as what waits takes too many bytes, however few changes they are', async () => {
  // Letters that no compression of PostgreSQL's makes short.
  const long = () => randomBytes(1_500).toString('hex');
  const bounded = await pipeline.startApi({ OUTBOX_MAX_BYTES: '60000', LOG_LEVEL: 'info' });
  const hold = await holdPublication(readEnv(postgresEnv, { DATABASE_URL: pipeline.database.url }));
  try {
    const create = async () => (await call(bounded, 'POST', '/tasks', creationOf(long()))).status;
    await waitFor('a refusal', async () => (await create()) === 503);
    expect(await pipeline.database.waiting()).toBeGreaterThan(60_000 / (2 * 3_200));
    expect(await bounded.metric('taskstream_outbox_max_rows')).toBeLessThan(60_000 / 3_000);
  } finally {
    await hold.release();
  }
  await waitFor('a write', async () => (await call(bounded, 'POST', '/tasks', creationOf('egret'))).status === 201);
  await pipeline.converged();
  await stopProcess(bounded);
});

it('refuses writes while the outbox is full, serves reads and search, and takes writes again once it has room', async () => {
  const { id } = await createTask(api, 'heron');
  await pipeline.converged();
  const hold = await holdPublication(readEnv(postgresEnv, { DATABASE_URL: pipeline.database.url }));
  try {
    await waitFor('a refusal', async () => (await call(api, 'POST', '/tasks', creationOf('egret'))).status === 503);
    const full = await pipeline.database.waiting();
    // PostgreSQL's count of live rows, by which the API measures, still has some that the test before left and that are gone.
    expect(full).toBeGreaterThan(MAX_ROWS / 2);
    const update = updateOf('heron');
    for (const answer of [
      await call(api, 'POST', '/tasks', creationOf('egret')),
      await call(api, 'PUT', `/tasks/${id}`, update),
      await call(api, 'DELETE', `/tasks/${id}`),
    ]) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'outbox_full' } });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await pipeline.database.waiting()).toBe(full);

    expect(await call(api, 'GET', `/tasks/${id}`)).toMatchObject({ status: 200, body: { task: { version: 1 } } });
    expect((await call(api, 'GET', '/tasks')).status).toBe(200);
    expect(await search(api, 'heron')).toMatchObject({ total: 1 });
    for (const path of ['/livez', '/readyz']) expect((await fetch(api.healthUrl + path)).status).toBe(200);
    expect(api.logs()).toContain('the outbox is full');
  } finally {
    await hold.release();
  }
  await waitFor('a write', async () => (await call(api, 'POST', '/tasks', creationOf('egret'))).status === 201);
  await pipeline.converged();
});
