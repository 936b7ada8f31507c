/**
 * The database schema, by the SQL files of a folder, each applied once and in order.
 * Migrations only add, so that the version before keeps working while a new one rolls out, and after a roll back.
 */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import type { Pool } from 'pg';
import { runner } from 'node-pg-migrate';
import { messageOf, TaskstreamError } from './errors.ts';
import type { Logger } from './logger.ts';
import { createClient, type PostgresConfig } from './postgres.ts';
import { isDatabaseOutage } from './postgres-outage.ts';
import { retry } from './retry.ts';

const TABLE = 'migrations';

/**
 * Applies what is missing. Safe to run from several processes at once: they take turns.
 * @throws TaskstreamError `database_unavailable` when PostgreSQL did not answer for `deadlineMs`, or the fault of a
 * migration, which then changed nothing.
 */
export const migrate = async (
  config: PostgresConfig,
  folder: string,
  logger: Logger,
  deadlineMs = 60_000,
): Promise<void> => {
  try {
    await retry(() => migrateOnce(config, folder, logger), {
      backoff: { baseMs: 250, maxMs: 5_000 },
      deadlineMs,
      isRetriable: isDatabaseOutage,
      onRetry: (error, attempt) => {
        logger.warn({ reason: messageOf(error), attempt }, 'PostgreSQL does not answer: trying again');
      },
    });
  } catch (error) {
    if (!isDatabaseOutage(error)) throw error;
    throw new TaskstreamError('database_unavailable', `PostgreSQL does not answer: ${messageOf(error)}`, {
      cause: error,
      retriable: true,
    });
  }
};

const migrateOnce = async (config: PostgresConfig, folder: string, logger: Logger): Promise<void> => {
  // A migration may take longer than a request, and so may waiting for another process's.
  const client = createClient({ ...config, DATABASE_STATEMENT_TIMEOUT_MS: 600_000 }, 'taskstream-migrate');
  await client.connect();
  try {
    const applied = await runner({
      dbClient: client,
      dir: folder,
      direction: 'up',
      // Each has its own: the locks of one do not last through the work of the next.
      singleTransaction: false,
      migrationsTable: TABLE,
      advisoryLockMode: 'wait',
      logger: {
        debug: (text) => {
          logger.debug(text);
        },
        info: (text) => {
          logger.debug(text);
        },
        warn: (text) => {
          logger.warn(text);
        },
        error: (text) => {
          logger.error(text);
        },
      },
    });
    logger.info({ applied: applied.map(({ name }) => name) }, 'database schema is up to date');
  } finally {
    await client.end();
  }
};

/**
 * Asks which migrations of `folder` the database lacks; those that a newer version added are none of ours.
 * @returns a function that asks until nothing is missing, and remembers that
 * @throws what the driver throws when PostgreSQL does not answer
 */
export const missingMigrations = (pool: Pool, folder: string): (() => Promise<readonly string[]>) => {
  const wanted = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => basename(name, '.sql'))
    .sort();
  let isComplete = false;
  return async () => {
    if (isComplete) return [];
    const { rows } = await pool.query<{ name: string }>(`SELECT name FROM ${TABLE}`);
    const applied = new Set(rows.map(({ name }) => name));
    const missing = wanted.filter((name) => !applied.has(name));
    isComplete = missing.length === 0;
    return missing;
  };
};
