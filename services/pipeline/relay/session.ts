/**
 * The relay's own database session: it holds the advisory locks of the slots that this relay publishes (lanes.ts), and reads
 * and deletes outbox rows. As both happen on one connection, whoever lost the locks cannot read another row.
 */
import type { Client, QueryConfig, QueryResultRow } from 'pg';
import { codeOf } from '../../platform/errors.ts';
import { askAnew, type PostgresConfig } from '../../platform/postgres.ts';
import { sleep, withDeadline } from '../../platform/time.ts';
import type { OutboxRow } from './records.ts';

/**
 * Key of the advisory lock that relays share, and that a hold and the release before take alone; "task" in ASCII. Advisory
 * locks are local to a database.
 */
export const RELAY_LOCK_KEY = 0x7461736b;

/** Parts of the outbox by a hash of the key, as the column `slot` has them. */
export const SLOTS = 64;

/** Slots, a bit each, as PostgreSQL's bigint. */
export type SlotMask = bigint;

export const ALL_SLOTS: SlotMask = -1n;

/** SQLSTATE `query_canceled`, a timeout. Source: PostgreSQL documentation, appendix A. */
export const CANCELED = '57014';

/** The active relay sends a statement at least this often, so that the server sees that it is alive. */
export const HEARTBEAT_MS = 3_000;
/** The server ends the session of a relay that was silent for this long, and so frees its lock. */
export const SILENCE_MS = 15_000;
/** How often the server looks whether the relay is still there while it works on its statement. */
const CHECK_CLIENT_MS = 5_000;
/** How often an active relay asks which server new connections reach. */
const ASK_PRIMARY_MS = 5_000;

/**
 * A server finds out within 25 s that a client's machine is gone, and frees the lock (`SESSION` in platform/postgres.ts).
 * A frozen process still acknowledges packets: its session ends after `SILENCE_MS`, when it sends no statement, or does not
 * read the answer to one. Source: PostgreSQL documentation, 19.3.2 "TCP Settings" and 19.11.1 "Statement Behavior".
 *
 * The relay waits for no standby: a deletion that a failover loses is a row that is published once more. What it reads is on
 * the standby already, as a transaction that waits for one is not seen by others.
 */
const SETTINGS = [
  'SET synchronous_commit = local',
  `SET tcp_user_timeout = ${SILENCE_MS}`,
  `SET idle_session_timeout = ${SILENCE_MS}`,
  // While it works on a statement the server looks at nothing else: a long scan would keep lock and slots of a relay that is gone.
  `SET client_connection_check_interval = ${CHECK_CLIENT_MS}`,
].join('; ');

/** Connects, and tells through `onEnd` when the session is gone. */
export const openSession = async (client: Client, onEnd: (error?: Error) => void): Promise<void> => {
  client.on('error', onEnd);
  client.on('end', () => {
    onEnd();
  });
  await client.connect();
  await client.query(SETTINGS);
};

/**
 * Sends statements while the session has nothing else to do, for the server ends one that is silent. One that is not
 * answered says that the session is lost: of a connection that is cut without a word, nothing else does before minutes.
 * @returns what stops it
 */
export const keepSession = (client: Client, onLost: (error: unknown) => void): (() => void) => {
  const timer = setInterval(() => {
    client.query('SELECT').catch(onLost);
  }, HEARTBEAT_MS);
  return () => {
    clearInterval(timer);
  };
};

/** The session may hang in a dead network; the process must not. */
export const endSession = async (client: Client): Promise<void> => {
  await withDeadline(client.end(), 1_000, 'closing the session').catch(() => undefined);
};

/** A PostgreSQL that takes writes. */
export interface Primary {
  /** Which database cluster it is a copy of. */
  readonly system: string;
  /** Each promotion raises it. */
  readonly timeline: number;
}

/** The timeline is the first eight digits of a log file's name (PostgreSQL documentation, 9.28.3 and 9.28.11). */
const WHICH_PRIMARY = `SELECT system_identifier::text AS system, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline
  FROM pg_control_system() WHERE NOT pg_is_in_recovery()`;

/** Nothing for a standby, and where nobody answers. */
export const primaryOf = async (client: Client): Promise<Primary | undefined> =>
  (await client.query<Primary>(WHICH_PRIMARY).then(({ rows }) => rows, nobody))[0];

/** Whether the other one was promoted later. Of two databases that are no copies of each other nothing can be said. */
export const isBehind = (primary: Primary, other: Primary): boolean =>
  primary.system === other.system && primary.timeline < other.timeline;

/** Ends the sessions of the other relays on this server: no commit of theirs waits for a standby. */
const SEND_AWAY = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name = 'taskstream-relay' AND datname = current_database() AND pid <> pg_backend_pid()
    AND usename = current_user`;
/** The old server may stand still. */
const SEND_AWAY_MS = 1_000;

const nobody = (): [] => [];

/**
 * Ends the session once new connections reach a primary that was promoted later. After a failover the old one may go on for those that are
 * connected to it: nothing new comes there. The other relays there are sent away first, where that server does so within a second, as what they
 * publish of it would come behind newer events of a relay that is with the new one. Where nobody answers, or a standby or an older primary does, the session stays.
 * @param own where the session is, if that has been answered
 * @param openedAt when the session was, by the monotonic clock in milliseconds: until some time later it needs no question
 * @param onMoved is told before, with the later one
 * @returns when `ended` is aborted, or the session has been ended
 */
export const leaveOldPrimary = async (
  client: Client,
  {
    config,
    own: first,
    openedAt,
    ended,
    onMoved,
  }: {
    config: PostgresConfig;
    own: Primary | undefined;
    openedAt: number;
    ended: AbortSignal;
    onMoved: (later: Primary) => void;
  },
): Promise<void> => {
  let own = first;
  const isOver = (): boolean => ended.aborted;
  for (let askAt = openedAt + ASK_PRIMARY_MS; ; askAt = performance.now() + ASK_PRIMARY_MS) {
    await sleep(Math.max(0, askAt - performance.now()), ended);
    if (isOver()) return;
    own ??= await primaryOf(client);
    const [other] = await askAnew<Primary>(config, 'taskstream-relay-primary', WHICH_PRIMARY).catch(nobody);
    if (isOver()) return;
    if (own === undefined || other === undefined || !isBehind(own, other)) continue;
    onMoved(other);
    await withDeadline(client.query(SEND_AWAY), SEND_AWAY_MS, 'sending other relays away').catch(() => undefined);
    client.connection.stream.destroy();
    return;
  }
};

export interface Advance {
  /** Rows to delete. */
  readonly confirmed: Iterable<string>;
  /** Rows up to this one are not read. */
  readonly after: number;
  /** Rows that are not read, as they were read before. */
  readonly seen: Iterable<string>;
  /** Most rows to read. */
  readonly limit: number;
  /** The row that reaches this many bytes is the last one. */
  readonly maxBytes: number;
  /** What else is there is not read. */
  readonly slots: SlotMask;
  /** The last row that may be read; any without it. */
  readonly upTo?: number;
  /** Where it may pass many dead rows. */
  readonly scans?: LongScans | undefined;
}

/** Time of a relay's first scan; a second is some million dead rows (docs/performance.md). */
const LONG_SCAN_MS = 60_000;
const MAX_LONG_SCAN_MS = 3_600_000;

/**
 * Scans from far back: they pass every dead row that vacuum could not remove, as while somebody holds an old snapshot, and may take longer than
 * a statement of a request. After one that had too little time the next has twice as much, or no relay would ever pass them.
 */
export class LongScans {
  #timeoutMs: number;

  constructor(timeoutMs = LONG_SCAN_MS) {
    this.#timeoutMs = timeoutMs;
  }

  async run<T extends QueryResultRow>(client: Client, statement: QueryConfig): Promise<T[]> {
    const timeoutMs = this.#timeoutMs;
    await client.query(`SET statement_timeout = ${timeoutMs}`);
    // The driver gives up a little later than the server; its types do not know that a statement may say when.
    const patient: QueryConfig & { query_timeout: number } = { ...statement, query_timeout: timeoutMs + 2_000 };
    try {
      const { rows } = await client.query<T>(patient);
      // As the connection began.
      await client.query('RESET statement_timeout');
      return rows;
    } catch (error) {
      if (codeOf(error) === CANCELED) this.#timeoutMs = Math.min(2 * timeoutMs, MAX_LONG_SCAN_MS);
      throw error;
    }
  }
}

/**
 * The bounds and `NOT IN (SELECT …)` make this plan the only one, with a known and with an unknown array: an index scan that
 * looks each row up in a hash table. `id <> ALL (array)` is compared one by one once the plan is a generic one.
 */
export const ADVANCE = {
  name: 'relay-advance',
  text: `WITH done AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]))
         SELECT id::text, topic, type, task_id::text, version::text, task, traceparent, tracestate, slot,
                floor(date_part('epoch', created_at) * 1000)::bigint::text AS time_ms
         FROM (
           SELECT outbox.*, coalesce(sum(octet_length(task)) OVER earlier, 0) AS bytes_before
           FROM outbox
           WHERE id > $2::bigint AND id <= $7::bigint AND id NOT IN (SELECT unnest($3::bigint[])) AND ($6::bigint >> slot) & 1 = 1
           WINDOW earlier AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
           ORDER BY id
           LIMIT $4::bigint
         ) AS next
         WHERE bytes_before < $5::bigint
         ORDER BY next.id`,
} as const;

/** Deletes what is confirmed and reads the next rows, in one statement. */
export const advance = async (
  client: Client,
  { confirmed, after, seen, limit, maxBytes, slots, upTo = Number.MAX_SAFE_INTEGER, scans }: Advance,
): Promise<OutboxRow[]> => {
  const values = [arrayOf(confirmed), after, arrayOf(seen), limit, maxBytes, slots, upTo];
  const statement: QueryConfig = { ...ADVANCE, values };
  return scans?.run<OutboxRow>(client, statement) ?? (await client.query<OutboxRow>(statement)).rows;
};

/** Ids as an array literal. They are digits only: the driver's own way would look for what to escape in each of thousands. */
const arrayOf = (ids: Iterable<string>): string => `{${[...ids].join(',')}}`;

export interface TransactionBounds {
  /** Every transaction below has ended, and is seen by whoever looks from now on. */
  readonly endedBelow: bigint;
  /** Every transaction that had begun is below; nothing where that was not asked for. */
  readonly begunBelow: bigint | undefined;
  /** The highest number of an outbox row that was drawn; it may be newer than the other two. */
  readonly drawn: number;
}

/**
 * Transactions that write have a number, and only they count here: a dump holds nothing up.
 * @param withBegun whether to ask which have begun. It draws a number of its own, above all of theirs: a snapshot's `xmax` is
 * only above those that have ended, and a transaction that is open while none behind it ends may be above it.
 */
export const readTransactionBounds = async (client: Client, withBegun: boolean): Promise<TransactionBounds> => {
  const { rows } = await client.query<{ xmin: string; own: string | null; drawn: string }>({
    name: withBegun ? 'relay-transactions-begun' : 'relay-transactions',
    text: `SELECT pg_snapshot_xmin(s)::text AS xmin, ${withBegun ? 'pg_current_xact_id()::text' : 'NULL'} AS own,
                  outbox_drawn()::text AS drawn
           FROM pg_current_snapshot() AS s`,
  });
  const [row] = rows;
  const own = row?.own ?? null;
  return {
    endedBelow: BigInt(row?.xmin ?? 0),
    begunBelow: own === null ? undefined : BigInt(own),
    drawn: Number(row?.drawn ?? 0),
  };
};

/** Moves a row out of the outbox, with Kafka's reason. */
export const setAside = async (
  client: Client,
  { id, topic, reason }: { readonly id: string; readonly topic: string; readonly reason: string },
): Promise<void> => {
  await client.query({
    name: 'relay-set-aside',
    text: `WITH refused AS (DELETE FROM outbox WHERE id = $1 RETURNING *)
           INSERT INTO outbox_refused (id, topic, type, task_id, version, task, traceparent, tracestate, created_at, reason)
           SELECT id, $2, type, task_id, version, task, traceparent, tracestate, created_at, $3 FROM refused`,
    values: [id, topic, reason],
  });
};

export interface HeldRow {
  readonly id: string;
  readonly task_id: string;
  readonly scope: string;
  readonly reason: string;
  readonly attempts: number;
  readonly since: string;
}

/** Says which rows of these slots are held, for `ops outbox`. */
export const writeHeld = async (client: Client, held: readonly HeldRow[], slots: SlotMask): Promise<void> => {
  await client.query({
    name: 'relay-held',
    text: `WITH gone AS (DELETE FROM outbox_held WHERE ($2::bigint >> (uuid_hash(task_id) & 63)) & 1 = 1)
           INSERT INTO outbox_held (id, task_id, scope, reason, attempts, since)
           SELECT * FROM json_to_recordset($1)
             AS h(id bigint, task_id uuid, scope text, reason text, attempts integer, since timestamptz)`,
    values: [JSON.stringify(held), slots],
  });
};
