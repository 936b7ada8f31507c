import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, inject, it, onTestFinished } from 'vitest';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createPool, postgresEnv } from '../../services/platform/postgres.ts';
import { createTaskStore } from '../../services/task/store.ts';
import { createTestDatabase } from '../support/database.ts';
import { createCommand, taskIn } from '../support/task.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

it('a connection that breaks while its session begins fails its statement, and nothing else', async () => {
  const url = new URL(inject('databaseUrl'));
  const proxy = await createTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  const config = readEnv(postgresEnv, { DATABASE_URL: url.href });
  const pool = createPool(config, 'test', createLogger({ service: 'test', level: 'silent' }));
  // Connected, and its first statement is on its way.
  pool.once('connect', () => {
    setImmediate(() => {
      proxy.cut();
    });
  });
  await expect(pool.query('SELECT 1')).rejects.toThrow();
  proxy.restore();
  expect((await pool.query('SELECT 1')).rowCount).toBe(1);
  await pool.end();
  await proxy.close();
});

it('asks the server to notice within 25 s that the machine of a session is gone', async () => {
  const config = readEnv(postgresEnv, { DATABASE_URL: inject('databaseUrl') });
  const pool = createPool(config, 'test', createLogger({ service: 'test', level: 'silent' }));
  try {
    const { rows } = await pool.query(
      `SELECT name, setting FROM pg_settings WHERE name LIKE 'tcp_keepalives%' ORDER BY name`,
    );
    expect(rows).toEqual([
      { name: 'tcp_keepalives_count', setting: '3' },
      { name: 'tcp_keepalives_idle', setting: '10' },
      { name: 'tcp_keepalives_interval', setting: '5' },
    ]);
  } finally {
    await pool.end();
  }
});

/** A pool whose login is in a file, and is renewed there and at the server one after the other. */
const createRenewedPool = async (poolSize?: number) => {
  const admin = createPool(
    readEnv(postgresEnv, { DATABASE_URL: inject('databaseUrl') }),
    'test',
    createLogger({ service: 'test', level: 'silent' }),
  );
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-login-'));
  const file = join(folder, 'uri');
  const role = `renewed_${randomUUID().slice(0, 8)}`;
  const setPassword = (password: string) => admin.query(`ALTER ROLE "${role}" PASSWORD '${password}'`);
  const setFile = (password: string): void => {
    const url = new URL(inject('databaseUrl'));
    url.username = role;
    url.password = password;
    writeFileSync(file, url.href);
  };
  await admin.query(`CREATE ROLE "${role}" LOGIN`);
  await setPassword('one');
  setFile('one');
  const pool = createPool(
    readEnv(postgresEnv, {
      DATABASE_URL_FILE: file,
      ...(poolSize === undefined ? {} : { DATABASE_POOL_SIZE: String(poolSize) }),
    }),
    role,
    createLogger({ service: 'test', level: 'silent' }),
  );
  onTestFinished(async () => {
    await pool.end();
    await admin.query(`DROP ROLE "${role}"`);
    await admin.end();
    rmSync(folder, { recursive: true });
  });
  let attempts = 0;
  const count = Reflect.get(pool, 'newClient') as (item: unknown) => void;
  Reflect.set(pool, 'newClient', (item: unknown) => {
    attempts += 1;
    count.call(pool, item);
  });
  const endSessions = () =>
    admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`);
  return { pool, setPassword, setFile, endSessions, attempts: () => attempts };
};

it('a password that is renewed fails no statement, whether the file or the server has it first', async () => {
  const { pool, setPassword, setFile, endSessions, attempts } = await createRenewedPool();
  const ask = () => Promise.all(Array.from({ length: 30 }, () => pool.query('SELECT pg_sleep(0.005)')));
  await pool.query('SELECT 1');

  // The server first: what is open does the work, and few new connections are tried.
  await setPassword('two');
  await ask();
  expect(pool.totalCount).toBe(1);
  const [tried, since] = [attempts(), performance.now()];
  for (let round = 0; round < 10; round += 1) await ask();
  expect(attempts() - tried).toBeLessThanOrEqual(1 + (performance.now() - since) / 1_000);
  setFile('two');
  await waitFor('new connections', async () => {
    await ask();
    return pool.totalCount > 1;
  });

  // The file first.
  setFile('three');
  await ask();
  await setPassword('three');
  await ask();

  // Nothing is open, and nothing is asked of the server for each statement.
  await setPassword('four');
  await endSessions();
  await waitFor('the connections to end', async () => pool.totalCount === 0);
  await expect(pool.query('SELECT 1')).rejects.toThrow(/authentication/);
  const before = attempts();
  for (let round = 0; round < 100; round += 1) await expect(pool.query('SELECT 1')).rejects.toThrow(/authentication/);
  expect(attempts() - before).toBeLessThan(5);
  setFile('four');
  await waitFor('a connection with the renewed password', () => pool.query('SELECT 1'));
});

it('while the login is refused and nothing is open, the server is asked once a second for all who wait, and all hear of it', async () => {
  const { pool, setPassword, attempts } = await createRenewedPool(4);
  await setPassword('two');
  const ask = () => Promise.allSettled(Array.from({ length: 100 }, () => pool.query('SELECT 1')));
  // Of the first ones several connect at a time.
  for (const { status } of await ask()) expect(status).toBe('rejected');
  expect(attempts()).toBeLessThanOrEqual(5);
  const [before, since] = [attempts(), performance.now()];
  while (performance.now() - since < 3_000) {
    for (const result of await ask()) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringMatching(/authentication/) as string },
      });
    }
    await delay(20);
  }
  expect(attempts() - before).toBeGreaterThan(0);
  expect(attempts() - before).toBeLessThanOrEqual(1 + (performance.now() - since) / 1_000);
});

it('those that wait while a login is refused get connections as soon as it is not, though none is given back', async () => {
  const { pool, setPassword, setFile } = await createRenewedPool(4);
  const taken = await pool.connect();
  await setPassword('two');
  const waiting = Promise.all(Array.from({ length: 9 }, () => pool.query('SELECT pg_sleep(0.2)')));
  await waitFor('them to wait', () => pool.waitingCount === 9 && pool.totalCount === 1);
  setFile('two');
  await waiting;
  expect(pool.totalCount).toBe(4);
  taken.release();
});

it('changes of one row wait for each other whatever isolation its database asks for', async () => {
  const database = await createTestDatabase(inject('databaseUrl'));
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(`ALTER DATABASE ${name} SET default_transaction_isolation = 'repeatable read'`);
  const config = readEnv(postgresEnv, { DATABASE_URL: database.url });
  const logger = createLogger({ service: 'test', level: 'silent' });
  // As two replicas have them: one would send the changes of a row one after the other.
  const pools = [createPool(config, 'test', logger), createPool(config, 'test', logger)];
  const stores = pools.map((pool) =>
    createTaskStore({ pool, entity: taskIn(), onCommit: () => undefined, onBatch: () => undefined }),
  );
  try {
    const { columns, ...command } = createCommand({ description: 'water the plants' });
    const created = await stores[0]?.create({ ...command, columns });
    const change = { actor: ANYBODY, traceparent: null, tracestate: null, expected: undefined };
    const update = { id: created?.id ?? '', columns, ...change };
    for (let round = 0; round < 100; round += 1) await Promise.all(stores.map((store) => store.update(update)));
    expect(await database.versions()).toEqual(new Map([[update.id, 201]]));
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.close();
  }
});
