/** How much waits in the outbox, and the bound on it. */
import type { Pool } from 'pg';
import { messageOf, TaskstreamError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { sleep } from '../../platform/time.ts';

export interface OutboxState {
  /** Changes that the broker has not confirmed. */
  readonly depth: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly oldestAgeSeconds: number;
  /** Changes that Kafka refused for good, and that were set aside. */
  readonly refused: number;
}

export const readOutbox = async (pool: Pool): Promise<OutboxState> => {
  const { rows } = await pool.query<{ depth: string; age: string; refused: string }>(
    `SELECT count(*) AS depth,
            coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS age,
            (SELECT count(*) FROM outbox_refused) AS refused
     FROM outbox`,
  );
  const [row] = rows;
  return {
    depth: Number(row?.depth ?? 0),
    oldestAgeSeconds: Number(row?.age ?? 0),
    refused: Number(row?.refused ?? 0),
  };
};

/** The newest change that waits, as `outbox.id`; 0 when none does. */
export const lastInOutbox = async (pool: Pool): Promise<string> => {
  const { rows } = await pool.query<{ last: string }>('SELECT coalesce(max(id), 0)::text AS last FROM outbox');
  return rows[0]?.last ?? '0';
};

/**
 * Whether the broker has confirmed all changes of these rows up to `last`. Later ones do not count: those of a row that is
 * written all the time never end.
 */
export const isPublished = async (pool: Pool, ids: readonly string[], last: string): Promise<boolean> => {
  const { rows } = await pool.query<{ waiting: boolean }>(
    'SELECT EXISTS (SELECT FROM outbox WHERE id <= $2 AND task_id = ANY($1::uuid[])) AS waiting',
    [ids, last],
  );
  return rows[0]?.waiting === false;
};

export interface OutboxBound {
  /** @throws TaskstreamError `outbox_full` while as many changes wait as may */
  check(): void;
  /** Changes that may wait now: fewer than the setting when they are so large that they would take too many bytes. */
  maxRows(): number;
}

export interface OutboxBoundOptions {
  /** Changes that may wait. */
  readonly maxRows: number;
  /** What those that wait may take of PostgreSQL's disk, in bytes. */
  readonly maxBytes: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const MEASURE_MS = 1_000;
/** Pages that are looked at for the size of a change, however many there are. */
const SAMPLE_PAGES = 100;
/** What a row takes beside its JSON, its place in the index included. */
const ROW_BYTES = 150;
const RETRY_AFTER_SECONDS = 10;

/**
 * Refuses writes before what waits fills PostgreSQL's disk, where reads would end too. Each measurement reads the number of live
 * rows that PostgreSQL keeps as it writes, and the size of some of them, at a cost that does not grow with the rows.
 * Sessions report theirs after 1 to 10 s, and a crash forgets it until the next vacuum: the bound is passed by as much as is
 * written meanwhile. What cannot be measured refuses nothing.
 * Source: PostgreSQL documentation, 27.2 "The Cumulative Statistics System", and `TABLESAMPLE` of SELECT.
 */
export const boundOutbox = (pool: Pool, { maxRows, maxBytes, logger, signal }: OutboxBoundOptions): OutboxBound => {
  let isFull = false;
  let allowed = maxRows;
  const measure = async (): Promise<void> => {
    const { rows } = await pool.query<{ live: string; json_bytes: string | null }>(
      `SELECT pg_stat_get_live_tuples('outbox'::regclass) AS live, (
         SELECT avg(pg_column_size(task)) FROM outbox TABLESAMPLE SYSTEM (
           least(100, 100.0 * ${SAMPLE_PAGES} * current_setting('block_size')::int / greatest(1, pg_relation_size('outbox')))
         )
       ) AS json_bytes`,
    );
    const waiting = Number(rows[0]?.live ?? 0);
    const jsonBytes = rows[0]?.json_bytes ?? null;
    // The sample may have met dead rows only.
    if (jsonBytes !== null) allowed = Math.min(maxRows, Math.floor(maxBytes / (ROW_BYTES + Number(jsonBytes))));
    const wasFull = isFull;
    isFull = waiting >= allowed;
    if (isFull === wasFull) return;
    const state = { waiting, allowed, maxRows, maxBytes };
    if (wasFull) logger.info(state, 'the outbox has room again: writes are taken');
    else logger.error(state, 'the outbox is full: writes are refused until Kafka takes what waits');
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await measure().catch((error: unknown) => {
        // Writes fail by themselves while PostgreSQL is away.
        logger.debug({ reason: messageOf(error) }, 'the outbox could not be measured');
        isFull = false;
      });
      await sleep(MEASURE_MS, signal);
    }
  };
  void run();
  return {
    maxRows: () => allowed,
    check: () => {
      if (!isFull) return;
      throw new TaskstreamError(
        'outbox_full',
        'Nothing was written: too many changes wait to be published. Reads and search go on; try again later.',
        { retriable: true, retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    },
  };
};
