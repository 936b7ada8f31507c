/** One reindex at a time: an advisory lock of a PostgreSQL session, which ends with the process that holds it. */
import type { Client, Pool } from 'pg';
import { endSession, keepSession, openSession } from '../relay/session.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { createClient, type PostgresConfig } from '../../platform/postgres.ts';

/** "rein" in ASCII. Advisory locks are local to a database. */
const LOCK_KEY = 0x7265696e;

/**
 * Does `work` under the lock.
 * @param work is given a signal that aborts when the session, and with it the lock, is lost
 * @throws TaskstreamError `precondition_failed` when somebody else holds the lock
 */
export const withReindexLock = async <T>(
  config: PostgresConfig,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<T> => {
  const client = createClient(config, 'taskstream-reindex');
  const lost = new AbortController();
  const lose = (cause: unknown): void => {
    lost.abort(
      new TaskstreamError('database_unavailable', 'Lost the connection to PostgreSQL, and with it the lock.', {
        cause,
        retriable: true,
      }),
    );
  };
  await openSession(client, lose);
  const stopHeartbeat = keepSession(client, lose);
  try {
    await lock(client);
    return await work(lost.signal);
  } finally {
    stopHeartbeat();
    await endSession(client);
  }
};

const lock = async (client: Client): Promise<void> => {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [LOCK_KEY]);
  if (rows[0]?.locked === true) return;
  throw new TaskstreamError(
    'precondition_failed',
    'Another reindex, rollback or discard is running on this database: wait for its end, or stop it. ' +
      'A process that was killed has freed the lock already.',
  );
};

/** Whether somebody holds the lock now. */
export const isReindexRunning = async (pool: Pool): Promise<boolean> => {
  const { rows } = await pool.query<{ held: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1 AND objsubid = 1
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS held`,
    [LOCK_KEY],
  );
  return rows[0]?.held === true;
};
