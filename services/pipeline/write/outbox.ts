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

export interface OutboxBound {
  /** @throws TaskstreamError `outbox_full` while as many changes wait as may */
  check(): void;
}

const MEASURE_MS = 1_000;
const RETRY_AFTER_SECONDS = 10;

/**
 * Refuses writes before what waits fills PostgreSQL's disk, where reads would end too. Each measurement reads the number of live
 * rows that PostgreSQL keeps as it writes, at no cost, however many rows there are. Sessions report theirs after 1 to 10 s,
 * and a crash forgets it until the next vacuum: the bound is passed by as much as is written meanwhile. What cannot be
 * measured refuses nothing. Source: PostgreSQL documentation, 27.2 "The Cumulative Statistics System".
 */
export const boundOutbox = (
  pool: Pool,
  { maxRows, logger, signal }: { readonly maxRows: number; readonly logger: Logger; readonly signal: AbortSignal },
): OutboxBound => {
  let isFull = false;
  const measure = async (): Promise<void> => {
    const { rows } = await pool.query<{ live: string }>("SELECT pg_stat_get_live_tuples('outbox'::regclass) AS live");
    const live = Number(rows[0]?.live ?? 0);
    if (live >= maxRows !== isFull) {
      const state = { waiting: live, maxRows };
      if (isFull) logger.info(state, 'the outbox has room again: writes are taken');
      else logger.error(state, 'the outbox is full: writes are refused until Kafka takes what waits');
    }
    isFull = live >= maxRows;
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
