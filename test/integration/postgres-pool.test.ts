import { expect, inject, it } from 'vitest';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createPool, postgresEnv } from '../../services/platform/postgres.ts';
import { createTaskStore } from '../../services/task/store.ts';
import { createTestDatabase } from '../support/database.ts';
import { createCommand, taskIn } from '../support/task.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';

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
