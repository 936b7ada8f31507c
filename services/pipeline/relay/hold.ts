/**
 * Holds publication back: this session takes the advisory lock that all active relays share. Writes are taken as
 * ever and wait in the outbox. The server frees the lock with the session, so nothing stays held when this process dies, and
 * for `SILENCE_MS` at most when it stands still or is cut off.
 */
import type { Client } from 'pg';
import { endSession, keepSession, openSession, RELAY_LOCK_KEY } from './session.ts';
import { TaskstreamError } from '../../platform/errors.ts';
import { createClient, type PostgresConfig } from '../../platform/postgres.ts';
import { sleep } from '../../platform/time.ts';

export interface Hold {
  /** Rejects when the session is lost, and publication goes on. */
  readonly lost: Promise<never>;
  /** Lets relays become active again. */
  readonly release: () => Promise<void>;
}

/** How PostgreSQL shows the session. */
export const HOLD_SESSION = 'taskstream-relay-hold';

const HOLDER_POLL_MS = 100;

/** Sends the active relays away. */
export const holdPublication = async (config: PostgresConfig): Promise<Hold> => {
  const holder = createClient(config, HOLD_SESSION);
  let lose: (cause: unknown) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => {
    lose = (cause) => {
      reject(new TaskstreamError('database_unavailable', 'The session is lost: publication goes on.', { cause }));
    };
  });
  // Nobody may be waiting for it yet.
  lost.catch(() => undefined);
  await openSession(holder, lose);
  try {
    await takeLock(holder, config);
  } catch (error) {
    await endSession(holder);
    throw error;
  }
  const stopHeartbeat = keepSession(holder, lose);
  return {
    lost,
    release: () => {
      stopHeartbeat();
      return endSession(holder);
    },
  };
};

/** Waits in the lock's queue, where it comes before every relay, as these only try; and ends the sessions that have it. */
const takeLock = async (holder: Client, config: PostgresConfig): Promise<void> => {
  const assistant = createClient(config, HOLD_SESSION);
  await assistant.connect();
  const taken = new AbortController();
  const lock = holder.query('SELECT pg_advisory_lock($1)', [RELAY_LOCK_KEY]).finally(() => {
    taken.abort();
  });
  try {
    await Promise.all([lock, sendAway(assistant, taken.signal)]);
  } finally {
    await assistant.end();
  }
};

const sendAway = async (client: Client, taken: AbortSignal): Promise<void> => {
  while (!taken.aborted) {
    // A key of 64 bits stands in two columns: PostgreSQL documentation, pg_locks.
    await client.query(
      `SELECT pg_terminate_backend(locks.pid)
       FROM pg_locks AS locks JOIN pg_stat_activity AS session USING (pid)
       WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = 0 AND objid = $1
         AND session.datname = current_database() AND session.application_name = 'taskstream-relay'`,
      [RELAY_LOCK_KEY],
    );
    await sleep(HOLDER_POLL_MS, taken);
  }
};
