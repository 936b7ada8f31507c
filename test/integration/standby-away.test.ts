import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { BESIDES_POOL } from '../../infra/environments/connections.ts';
import type { EmbeddedServer } from '../../infra/local/embedded-server.ts';
import { startPostgres } from '../../infra/local/postgres.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createPools, postgresEnv } from '../../services/platform/postgres.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { killProcess, stopProcess, type ServiceProcess } from '../support/process.ts';
import { creationOf, updateOf } from '../support/sample.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const OUTAGE_MS = 25_000;
const WRITERS = 24;
const POOL_SIZE = 8;
const WRITE_SLOTS = POOL_SIZE / 2;
const STATEMENT_TIMEOUT_MS = 1_000;
const logger = createLogger({ service: 'test', level: 'silent' });

let folder: string;
let server: EmbeddedServer;
let admin: Client;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taskstream-standby-'));
  server = await startPostgres({
    dataDir: join(folder, 'data'),
    port: await getPort(),
    logFile: join(folder, 'postgres.log'),
  });
  admin = new Client({ connectionString: server.url });
  await admin.connect();
  await admin.query('CREATE TABLE written (n int)');
});
afterEach(() => setStandby(''));
afterAll(async () => {
  await admin.end();
  await server.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** From now on commits wait for a standby of that name; for none when it is empty. */
const setStandby = async (name: string): Promise<void> => {
  await admin.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await admin.query('SELECT pg_reload_conf()');
  // The setting reaches a session with its next statement.
  await waitFor('the setting', async () => {
    const { rows } = await admin.query<{ names: string }>(
      "SELECT current_setting('synchronous_standby_names') AS names",
    );
    return rows[0]?.names === name;
  });
};

const countSessions = async (condition: string): Promise<number> => {
  const { rows } = await admin.query<{ sessions: string }>(
    `SELECT count(*) AS sessions FROM pg_stat_activity WHERE ${condition}`,
  );
  return Number(rows[0]?.sessions);
};
const WAITING = "wait_event = 'SyncRep'";

const poolsAt = (url: string, size: number) =>
  createPools(
    readEnv(postgresEnv, {
      DATABASE_URL: url,
      DATABASE_POOL_SIZE: String(size),
      DATABASE_STATEMENT_TIMEOUT_MS: '500',
    }),
    'test',
    logger,
  );
const INSERT = 'INSERT INTO written VALUES (1)';

it('a pool ends although PostgreSQL still waits for a standby', async () => {
  const { reads, writes } = poolsAt(server.url, 2);
  await setStandby('nobody');
  await expect(writes.query(INSERT)).rejects.toThrow('timeout');
  await waitFor('the answer of the server', () => writes.commitsWaiting === 1);
  await expect(writes.query(INSERT)).rejects.toMatchObject({ code: 'database_unavailable', retriable: true });
  expect(await countSessions(WAITING)).toBe(1);
  await Promise.all([reads.end(), writes.end()]);
});

it('a server that cannot be asked, or that does not know the session, takes no slot for ever', async () => {
  const url = new URL(server.url);
  const proxy = await createTcpProxy(server.port);
  url.port = String(proxy.port);
  const { reads, writes } = poolsAt(url.href, 2);
  try {
    await writes.query(INSERT);
    await setStandby('nobody');
    proxy.blackHole();
    await expect(writes.query(INSERT)).rejects.toThrow('timeout');
    await waitFor('the slot', () => writes.totalCount === 0);
    expect(writes.commitsWaiting).toBe(0);
    await setStandby('');
    proxy.restore();
    await waitFor('a write', () => writes.query(INSERT).then(() => true));

    // The address moves: connections of before hang, new ones lead to a server that does nothing for them.
    proxy.set({ kind: 'stranded' });
    await expect(writes.query(INSERT)).rejects.toThrow('timeout');
    await waitFor('a write', () => writes.query(INSERT).then(() => true));
  } finally {
    await Promise.all([reads.end(), writes.end()]);
    await proxy.close();
  }
});

let pipeline: Pipeline;
let database: TestDatabase;
let api: ServiceProcess;

it('while a standby is away writes are refused, all else goes on, and PostgreSQL has no more sessions than before', async () => {
  pipeline = await createPipeline();
  database = await createTestDatabase(server.url);
  api = await pipeline.startApi({
    DATABASE_URL: database.url,
    DATABASE_POOL_SIZE: String(POOL_SIZE),
    DATABASE_STATEMENT_TIMEOUT_MS: String(STATEMENT_TIMEOUT_MS),
  });
  try {
    await duringAnOutage();
  } finally {
    await killProcess(api);
    await setStandby('');
    await database.close();
    await pipeline.close();
  }
});

/** A creation that was tried, by its key, and the id in its answer when it was acknowledged. */
const tried = new Map<string, string | undefined>();

const create = async (key: string) => {
  const answer = await call(api, 'POST', '/tasks', creationOf(`task ${key}`), { 'idempotency-key': key });
  const id = answer.status === 201 ? (answer.body as { task: { id: string } }).task.id : undefined;
  tried.set(key, tried.get(key) ?? id);
  return answer;
};

const duringAnOutage = async (): Promise<void> => {
  const { id } = await createTask(api, 'before');
  const most = { waiting: 0, sessions: 0 };
  const statuses: Record<string, number> = {};
  const versionBefore = (await database.versions()).get(id);

  await setStandby('nobody');
  const until = performance.now() + OUTAGE_MS;
  const goesOn = () => performance.now() < until;
  const writers = Array.from({ length: WRITERS }, async (_, index) => {
    while (goesOn()) {
      const isCreation = index % 3 > 0;
      const { status, headers } = isCreation
        ? await create(randomUUID())
        : await call(api, 'PUT', `/tasks/${id}`, updateOf('during'));
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      // What is refused at once is not asked for again at once.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  const counter = (async () => {
    while (goesOn()) {
      most.waiting = Math.max(most.waiting, await countSessions(WAITING));
      most.sessions = Math.max(most.sessions, await countSessions("application_name LIKE 'taskstream%'"));
    }
  })();
  const readers = ['GET /tasks', `GET /tasks/${id}`, 'POST /tasks/search'].map(async (request) => {
    const [method = '', path = ''] = request.split(' ');
    while (goesOn()) {
      const { status } = await call(api, method, path, method === 'POST' ? {} : undefined);
      expect([request, status]).toEqual([request, 200]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  const watcher = (async () => {
    await waitFor('the metric', async () => (await api.metric('taskstream_database_commits_waiting')) > 0);
    // What is there to be published is published: the relay waits for no standby.
    const client = await database.pool.connect();
    await client.query('SET synchronous_commit = local');
    await client.query(
      `INSERT INTO outbox (topic, type, task_id, version, task) SELECT $1, 'tasks.event.updated', id, version, task_json(tasks) FROM tasks`,
      [pipeline.topics.tasks],
    );
    client.release();
    await database.outboxEmpty();
    expect(await api.metric('taskstream_outbox_rows')).toBe(0);
    expect(goesOn()).toBe(true);
  })();
  await Promise.all([...writers, ...readers, counter, watcher]);
  expect(Object.keys(statuses)).toEqual(['503']);
  expect(most.waiting).toBeGreaterThan(0);
  expect(most.waiting).toBeLessThanOrEqual(WRITE_SLOTS);
  // And the question of its relay, which is active.
  expect(most.sessions).toBeLessThanOrEqual(POOL_SIZE + BESIDES_POOL + 1);
  expect((await database.versions()).get(id)).toBe(versionBefore);
  expect((await fetch(`${api.healthUrl}/readyz`)).status).toBe(200);

  await setStandby('');
  await waitFor('the waiting commits', async () => (await api.metric('taskstream_database_commits_waiting')) === 0);
  await Promise.all(
    [...tried.keys()].map((key) => waitFor('a creation', async () => (await create(key)).status === 201)),
  );
  const rows = await database.versions();
  expect(new Set(tried.values()).size).toBe(tried.size);
  for (const created of tried.values()) expect(rows.has(created ?? '')).toBe(true);
  // The one of before, and each of the tried once.
  expect(rows.size).toBe(tried.size + 1);
  expect((await call(api, 'PUT', `/tasks/${id}`, updateOf('after'))).status).toBe(200);
  expect((await stopProcess(api)).code).toBe(0);
};
