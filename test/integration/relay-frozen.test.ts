import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RELAY_LOCK_KEY, SILENCE_MS } from '../../services/pipeline/relay/session.ts';
import { startOps } from '../support/ops.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { call, createPipeline, createTask, type Pipeline } from '../support/pipeline.ts';
import { waitFor } from '../support/wait.ts';
import { updateOf } from '../support/sample.ts';

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
