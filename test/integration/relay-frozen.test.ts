import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSession, RELAY_LOCK_KEY, SILENCE_MS } from '../../services/pipeline/relay/session.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createClient, postgresEnv } from '../../services/platform/postgres.ts';
import { startOps } from '../support/ops.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { taskOf } from '../support/events.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';
import { insertTasks } from '../support/task.ts';

const TASKS = 8_000;

let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline();
});
afterAll(() => pipeline.close());

it('a relay whose process stands still loses its lock to another one, and does no harm when it wakes', async () => {
  const frozen = await pipeline.startApi();
  await waitFor('the first to lead', async () => (await frozen.metric('taskstream_relay_leader')) === 1);
  const other = await pipeline.startApi();
  await pipeline.startIndexer();
  const { id } = await createTask(other, 'before');
  await pipeline.database.outboxEmpty();
  frozen.child.kill('SIGSTOP');
  const stoppedAt = performance.now();
  try {
    await call(other, 'PUT', `/tasks/${id}`, updateOf('changed'));
    await waitFor('another leader', async () => (await other.metric('taskstream_relay_leader')) === 1, {
      timeoutMs: 60_000,
    });
    // The server's clock for idle sessions, one poll of the lock, and a machine that is busy.
    expect(performance.now() - stoppedAt).toBeLessThan(SILENCE_MS + 15_000);
    await pipeline.database.outboxEmpty();
    // Longer than any timeout of its own: it wakes with a session that is gone and a producer whose records are too old.
    await waitFor('a minute to pass', () => performance.now() - stoppedAt > 60_000, { intervalMs: 500 });
  } finally {
    frozen.child.kill('SIGCONT');
  }
  await waitFor('the first to notice', async () => (await frozen.metric('taskstream_relay_leader')) === 0);
  await call(other, 'PUT', `/tasks/${id}`, updateOf('after'));
  await createTask(frozen, 'by the one that slept');
  await pipeline.converged();
  expect(await other.metric('taskstream_relay_leader')).toBe(1);
});

it('what a relay sends after it has lost its lock does not stay behind a tombstone', async () => {
  const own = await createPipeline();
  try {
    const frozen = await own.startApi();
    await waitFor('the first to lead', async () => (await frozen.metric('taskstream_relay_leader')) === 1);
    const other = await own.startApi();
    // A burst, as by an import, in the middle of which the leader stands still: its client has records that are not sent.
    const { pool } = own.database;
    await insertTasks(
      pool,
      Array.from({ length: TASKS }, () => taskOf()),
    );
    await pool.query(
      `INSERT INTO outbox (type, task_id, version, task)
       SELECT 'tasks.event.created', id, version, task_json(tasks) FROM tasks`,
    );
    await waitFor('some to be published', async () => (await own.topics.end()) > 0, { intervalMs: 1 });
    frozen.child.kill('SIGSTOP');
    await waitFor('another leader', async () => (await other.metric('taskstream_relay_leader')) === 1, {
      timeoutMs: SILENCE_MS + 30_000,
    });
    await own.database.outboxEmpty();
    await pool.query(
      `WITH gone AS (DELETE FROM tasks RETURNING id, version)
       INSERT INTO outbox (type, task_id, version, task)
       SELECT 'tasks.event.deleted', id, version + 1, json_build_object('id', id, 'version', version + 1)::text FROM gone`,
    );
    await own.database.outboxEmpty();
    const end = await own.topics.end();
    frozen.child.kill('SIGCONT');
    await waitFor('records that come late', async () => (await own.topics.end()) > end);
    await waitFor(
      'the last record of each to be a tombstone',
      async () => {
        const last = new Map<string, boolean>();
        for (const { key, value } of await own.topics.readAll(own.topics.tasks)) last.set(String(key), value === null);
        return last.size === TASKS && [...last.values()].every((isTombstone) => isTombstone);
      },
      { timeoutMs: 60_000, intervalMs: 1_000 },
    );
  } finally {
    await own.close();
  }
});

it('publication that is held back by a command which PostgreSQL cannot hear goes on, and the command says so', async () => {
  const url = new URL(pipeline.database.url);
  const proxy = await createTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  const hold = startOps(['relay', 'hold'], { DATABASE_URL: url.href });
  try {
    await waitFor('the hold', () => hold.stdout().includes('held back'));
    // Longer than the server waits for a session that is silent.
    await delay(SILENCE_MS + 5_000);
    expect(await holders()).toBe(1);
    proxy.blackHole();
    expect(await hold.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('publication goes on') as string,
    });
    await waitFor('the lock to be free of it', async () => (await holders()) === 0);
  } finally {
    hold.child.kill('SIGKILL');
    await proxy.close();
  }
});

const holders = async (): Promise<number> => {
  const { rowCount } = await pipeline.database.pool.query(
    `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND objid = $1 AND application_name = 'taskstream-relay-hold'`,
    [RELAY_LOCK_KEY],
  );
  return rowCount ?? 0;
};

it('a relay that is gone keeps nothing, though the server still works on its statement', async () => {
  const { pool, url } = pipeline.database;
  const config = readEnv(postgresEnv, { DATABASE_URL: url, DATABASE_STATEMENT_TIMEOUT_MS: '600000' });
  const client = createClient(config, 'taskstream-relay-gone');
  await openSession(client, () => undefined);
  const scan = client.query('SELECT pg_sleep(300)');
  const sessions = async () => {
    const text = `SELECT FROM pg_stat_activity WHERE application_name = 'taskstream-relay-gone' AND wait_event = 'PgSleep'`;
    return (await pool.query(text)).rowCount;
  };
  await waitFor('the statement to run', async () => (await sessions()) === 1);
  (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  await expect(scan).rejects.toThrow();
  await waitFor('its session to end', async () => (await sessions()) === 0, { timeoutMs: SILENCE_MS });
});
