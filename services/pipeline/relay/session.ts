/**
 * The relay's own database session: it holds the advisory lock that makes this relay the active one, and reads and
 * deletes outbox rows. As both happen on one connection, whoever lost the lock cannot read another row.
 */
import type { Client } from 'pg';
import type { OutboxRow } from './records.ts';

/** Key of the advisory lock, the same in all replicas; "task" in ASCII. Advisory locks are local to a database. */
export const RELAY_LOCK_KEY = 0x7461736b;

/**
 * A server finds out within 25 s that the machine of the active relay is gone, and frees the lock; its default is hours.
 * Source: PostgreSQL documentation, 19.3.2 "TCP Settings".
 */
const KEEPALIVE = `SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`;

/** Connects, and tells through `onEnd` when the session is gone. */
export const openSession = async (client: Client, onEnd: (error?: Error) => void): Promise<void> => {
  client.on('error', onEnd);
  client.on('end', () => {
    onEnd();
  });
  await client.connect();
  await client.query(KEEPALIVE);
};

/**
 * True when this session now holds the lock. It does not wait for the lock: a waiting statement would keep a snapshot,
 * and with it every deleted outbox row, from being vacuumed.
 */
export const tryLock = async (client: Client): Promise<boolean> => {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
    RELAY_LOCK_KEY,
  ]);
  return rows[0]?.locked === true;
};

/**
 * Deletes `confirmed` and reads the next rows, in one statement.
 * It always reads from the oldest row on, and not from where it stopped: ids are handed out before commit, so a row
 * with a lower id may appear later, and its task's next change must not overtake it.
 * @param inFlight rows that were read before and are not confirmed yet
 */
export const advance = async (
  client: Client,
  confirmed: readonly string[],
  inFlight: readonly string[],
  limit: number,
): Promise<OutboxRow[]> => {
  const { rows } = await client.query<OutboxRow>({
    name: 'relay-advance',
    text: `WITH done AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]))
           SELECT id::text, topic, type, task_id::text, version::text, task, traceparent,
                  floor(date_part('epoch', created_at) * 1000)::bigint::text AS time_ms
           FROM outbox
           WHERE id <> ALL($2::bigint[])
           ORDER BY outbox.id
           LIMIT $3`,
    values: [arrayOf(confirmed), arrayOf([...confirmed, ...inFlight]), limit],
  });
  return rows;
};

/** Ids as an array literal. They are digits only: the driver's own way would look for what to escape in each of thousands. */
const arrayOf = (ids: readonly string[]): string => `{${ids.join(',')}}`;
