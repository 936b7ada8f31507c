import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { startPostgres } from '../../infra/local/postgres.ts';
import { readEnv } from '../../services/platform/env.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { createPool, postgresEnv } from '../../services/platform/postgres.ts';

const WRITERS = 4;
const OUTAGE_MS = 20_000;

it('a synchronous standby that is away leaves no more sessions behind than there are writers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskstream-standby-'));
  const server = await startPostgres({
    dataDir: join(folder, 'data'),
    port: await getPort(),
    logFile: join(folder, 'postgres.log'),
  });
  const admin = new Client({ connectionString: server.url });
  const pool = createPool(
    readEnv(postgresEnv, { DATABASE_URL: server.url, DATABASE_STATEMENT_TIMEOUT_MS: '500' }),
    'test',
    createLogger({ service: 'test', level: 'silent' }),
  );
  try {
    await admin.connect();
    await admin.query('CREATE TABLE written (n int)');
    await admin.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    await admin.query('SELECT pg_reload_conf()');
    const until = performance.now() + OUTAGE_MS;
    let failures = 0;
    const writing = Array.from({ length: WRITERS }, async () => {
      while (performance.now() < until) await pool.query('INSERT INTO written VALUES (1)').catch(() => (failures += 1));
    });
    await Promise.all(writing);
    expect(failures).toBeGreaterThan(2 * WRITERS);
    const { rows } = await admin.query<{ waiting: string }>(
      "SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    );
    expect(Number(rows[0]?.waiting)).toBeLessThanOrEqual(WRITERS);
  } finally {
    await pool.end();
    await admin.end();
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
