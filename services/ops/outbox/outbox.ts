/** What waits in the outbox for Kafka, and which relays are at work. */
import type { Client } from 'pg';
import { RELAY_LOCK_KEY, SLOTS, type HeldRow } from '../../pipeline/relay/session.ts';
import { sleep } from '../../platform/time.ts';
import { HOLD_SESSION } from '../../pipeline/relay/hold.ts';
import { etaSeconds, rate } from '../cli/drain.ts';

export interface RelayState {
  readonly pid: number;
  /** Address of the process that holds the locks; nothing over a Unix socket. */
  readonly address: string | null;
  /** How long its database session has been there. */
  readonly sessionSeconds: number;
  /** True when it is no relay, but an `ops relay hold` that keeps publication back on purpose. */
  readonly isHold: boolean;
  /** Parts of the outbox, of 64, that it publishes. */
  readonly slots: number;
  /** What waits in these, and the age of the oldest of it; left out where one relay has all. */
  readonly depth?: number;
  readonly oldestAgeSeconds?: number | null;
}

export interface OutboxReport {
  readonly at: string;
  readonly depth: number;
  /** Nothing when the outbox is empty. */
  readonly oldestAgeSeconds: number | null;
  /** Changes a second. */
  readonly rateIn: number;
  readonly rateOut: number;
  readonly etaSeconds: number | null;
  /** The active relays, as many as RELAY_LANES says; with none the outbox only grows. */
  readonly relays: readonly RelayState[];
  /** Rows that Kafka does not confirm and that are retried, twenty of each relay at most. */
  readonly held: readonly HeldRow[];
  /** Changes that Kafka refused for good, and that were set aside. */
  readonly refused: number;
}

interface Sample {
  readonly atMs: number;
  readonly depth: number;
  readonly oldestAgeSeconds: number | null;
  /** How many changes ever went in, as the identity column counts; a change that was rolled back counts too. */
  readonly everIn: number;
}

/** Takes two samples, `intervalMs` apart. Nothing when `signal` aborts before the second. */
export const measureOutbox = async (
  client: Client,
  { intervalMs, signal }: { intervalMs: number; signal: AbortSignal },
): Promise<OutboxReport | undefined> => {
  const before = await take(client);
  await sleep(intervalMs, signal);
  if (signal.aborted) return undefined;
  const after = await take(client);
  const elapsedSeconds = (after.atMs - before.atMs) / 1_000;
  const flow = {
    rateIn: rate(before.everIn, after.everIn, elapsedSeconds),
    // What went in and is not there any more went out.
    rateOut: rate(before.everIn - before.depth, after.everIn - after.depth, elapsedSeconds),
  };
  return {
    at: new Date().toISOString(),
    depth: after.depth,
    oldestAgeSeconds: after.oldestAgeSeconds,
    ...flow,
    etaSeconds: etaSeconds(after.depth, flow),
    relays: await activeRelays(client),
    held: await heldRows(client),
    refused: await countRefused(client),
  };
};

const take = async (client: Client): Promise<Sample> => {
  const { rows } = await client.query<{ depth: string; age: string | null; ever_in: string }>(
    `SELECT count(*) AS depth,
            extract(epoch FROM clock_timestamp() - min(created_at)) AS age,
            outbox_drawn() AS ever_in
     FROM outbox`,
  );
  const row = rows[0];
  return {
    atMs: performance.now(),
    depth: Number(row?.depth ?? 0),
    oldestAgeSeconds: row === undefined || row.age === null ? null : Number(row.age),
    everIn: Number(row?.ever_in ?? 0),
  };
};

const heldRows = async (client: Client): Promise<readonly HeldRow[]> => {
  const { rows } = await client.query<HeldRow>(
    'SELECT id::text, task_id::text, scope, reason, attempts, rfc3339(since) AS since FROM outbox_held ORDER BY id',
  );
  return rows;
};

const countRefused = async (client: Client): Promise<number> => {
  const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM outbox_refused');
  return Number(rows[0]?.count ?? 0);
};

/**
 * A lock with a 64-bit key shows as two halves, and `objsubid` 1; one with two keys has 2. PostgreSQL documentation, 53.13
 * "pg_locks". A relay of the release before has the lock for itself, and with it all slots.
 */
const activeRelays = async (client: Client): Promise<readonly RelayState[]> => {
  const { rows } = await client.query<{
    pid: number;
    address: string | null;
    seconds: string | null;
    is_hold: boolean;
    slots: readonly number[];
  }>(
    `WITH locks AS (
       SELECT * FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     )
     SELECT l.pid, host(a.client_addr) AS address, extract(epoch FROM clock_timestamp() - a.backend_start) AS seconds,
            coalesce(a.application_name = $2, false) AS is_hold, CASE
              WHEN l.mode = 'ExclusiveLock' THEN ARRAY(SELECT generate_series(0, ${SLOTS} - 1))
              ELSE ARRAY(SELECT s.objid::int FROM locks s
                         WHERE s.pid = l.pid AND s.objsubid = 2 AND s.classid::bigint = $1::bigint AND s.objid::int < ${SLOTS})
            END AS slots
     FROM locks l LEFT JOIN pg_stat_activity a USING (pid)
     WHERE l.objsubid = 1 AND (l.classid::bigint << 32) | l.objid::bigint = $1::bigint
     ORDER BY l.pid`,
    [RELAY_LOCK_KEY, HOLD_SESSION],
  );
  const waiting = rows.length > 1 ? await waitingBySlot(client) : [];
  return rows.map(({ pid, address, seconds, is_hold, slots }) => {
    const own = waiting.filter(({ slot }) => slots.includes(slot));
    return {
      ...{ pid, address, sessionSeconds: Number(seconds ?? 0), isHold: is_hold, slots: slots.length },
      ...(rows.length > 1 && {
        depth: own.reduce((sum, { depth }) => sum + Number(depth), 0),
        oldestAgeSeconds: own.length === 0 ? null : Math.max(...own.map(({ age }) => Number(age))),
      }),
    };
  });
};

const waitingBySlot = async (client: Client) => {
  const { rows } = await client.query<{ slot: number; depth: string; age: string }>(
    `SELECT slot, count(*) AS depth, extract(epoch FROM clock_timestamp() - min(created_at)) AS age FROM outbox GROUP BY slot`,
  );
  return rows;
};
