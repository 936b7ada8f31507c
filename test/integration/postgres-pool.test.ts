import { expect, inject, it } from 'vitest';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createPool, postgresEnv } from '../../services/platform/postgres.ts';
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
