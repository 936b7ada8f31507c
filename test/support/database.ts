/** A database of a test's own, with the schema of the product. */
import { randomUUID } from 'node:crypto';
import { Client, Pool } from 'pg';
import { migrate } from '../../services/platform/migrate.ts';
import { readEnv } from '../../services/platform/env.ts';
import { MIGRATIONS } from '../../services/task/migrations.ts';
import { createLogger } from '../../services/platform/logger.ts';
import { postgresEnv } from '../../services/platform/postgres.ts';
import { waitFor } from './wait.ts';

export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
  /** Version of every task. */
  versions(): Promise<Map<string, number>>;
  /** Rows of the outbox. */
  waiting(): Promise<number>;
  /** Waits until a relay has published and deleted every row of the outbox. */
  outboxEmpty(): Promise<void>;
  close(): Promise<void>;
}

/** Creates a database beside the one at `serverUrl` and migrates it. */
export const createTestDatabase = async (serverUrl: string): Promise<TestDatabase> => {
  const name = `test_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  await administrate(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await migrate(
    readEnv(postgresEnv, { DATABASE_URL: url.href }),
    MIGRATIONS,
    createLogger({ service: 'test', level: 'silent' }),
  );
  const pool = new Pool({ connectionString: url.href });
  // The pool's end does not wait for the server, which may end such a session itself when the database is dropped; an
  // error of a query is its caller's all the same.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
  });
  // What an idle session says then is the pool's.
  pool.on('error', () => undefined);
  return {
    url: url.href,
    pool,
    versions: async () => {
      const { rows } = await pool.query<{ id: string; version: string }>('SELECT id::text, version FROM tasks');
      return new Map(rows.map(({ id, version }) => [id, Number(version)]));
    },
    waiting: async () => {
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM outbox');
      return Number(rows[0]?.count);
    },
    outboxEmpty: async () => {
      await waitFor(
        'the outbox to be empty',
        async () => (await pool.query('SELECT FROM outbox LIMIT 1')).rowCount === 0,
      );
    },
    close: async () => {
      await pool.end();
      await administrate(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
};

const administrate = async (serverUrl: string, statement: string): Promise<void> => {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
};
