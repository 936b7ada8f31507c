/** What `ops restore` does. */
import type { Pool } from 'pg';
import { raiseAll } from '../../pipeline/verify/raise-all.ts';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import { createLogger } from '../../platform/logger.ts';
import { createPool } from '../../platform/postgres.ts';
import { placeTask } from '../../task/env.ts';
import { explainOutage } from '../cli/outage.ts';
import { stopSignal } from '../cli/stop-signal.ts';
import { readRestoreConfig } from '../env.ts';

/**
 * Milliseconds since 2026, by PostgreSQL's clock: more than any row was ever changed, and more than a restore before this one
 * has raised it and it was changed since.
 */
const defaultRaise = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ by: string }>(
    "SELECT floor(extract(epoch FROM clock_timestamp() - timestamptz '2026-01-01T00:00:00Z') * 1000)::text AS by",
  );
  const by = Number(rows[0]?.by);
  if (by > 0) return by;
  throw new TaskstreamError(
    'invalid_configuration',
    "PostgreSQL's clock stands before 2026: set it right, or say with --by how far versions are to be raised.",
  );
};

export const restore = async ({ by: given }: { readonly by?: number }) => {
  const config = readRestoreConfig(process.env);
  const logger = createLogger({ service: 'restore', level: config.LOG_LEVEL, fd: 2 });
  const pool = createPool(config, 'taskstream-restore', logger);
  try {
    const by = given ?? (await defaultRaise(pool));
    const raised = await raiseAll({
      pool,
      entity: placeTask(config),
      by,
      signal: stopSignal(),
      onRetry: (error) => {
        process.stderr.write(`${messageOf(error)}: trying again\n`);
      },
      onProgress: (count) => {
        if (count % 100_000 === 0) process.stderr.write(`${count} raised so far\n`);
      },
    });
    process.stdout.write(`${raised} tasks raised by ${by}, and put into the outbox\n`);
  } catch (error) {
    throw explainOutage(error);
  } finally {
    await pool.end();
  }
};
