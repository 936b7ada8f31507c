/**
 * The database schema, by the SQL files in `services/task/migrations`, each applied once and in order.
 * Migrations only add, so that the version before keeps working while a new one rolls out, and after a roll back.
 */
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { messageOf, TaskstreamError } from './errors.ts';
import type { Logger } from './logger.ts';
import { createClient, type PostgresConfig } from './postgres.ts';
import { backoffMs, sleep } from './time.ts';
import { isDatabaseOutage } from './postgres-outage.ts';

/**
 * Applies what is missing. Safe to run from several processes at once: they take turns.
 * @throws TaskstreamError `database_unavailable` when PostgreSQL did not answer for `deadlineMs`, or the fault of a
 * migration, which then changed nothing.
 */
export const migrate = async (config: PostgresConfig, logger: Logger, deadlineMs = 60_000): Promise<void> => {
  const deadlineAt = performance.now() + deadlineMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await migrateOnce(config, logger);
      return;
    } catch (error) {
      if (!isDatabaseOutage(error)) throw error;
      if (performance.now() > deadlineAt) {
        throw new TaskstreamError('database_unavailable', `PostgreSQL does not answer: ${messageOf(error)}`, {
          cause: error,
          retriable: true,
        });
      }
      logger.warn({ reason: messageOf(error), attempt }, 'PostgreSQL does not answer: trying again');
      await sleep(backoffMs(attempt, { baseMs: 250, maxMs: 5_000 }));
    }
  }
};

const migrateOnce = async (config: PostgresConfig, logger: Logger): Promise<void> => {
  // A migration may take longer than a request, and so may waiting for another process's.
  const client = createClient({ ...config, DATABASE_STATEMENT_TIMEOUT_MS: 600_000 }, 'taskstream-migrate');
  await client.connect();
  try {
    const applied = await runner({
      dbClient: client,
      dir: join(import.meta.dirname, '../task/migrations'),
      direction: 'up',
      migrationsTable: 'migrations',
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
