/** Forgets idempotency keys that are older than their time to live, and of those that are kept the answers. */
import type { Pool } from 'pg';
import { messageOf } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { sleep } from '../../platform/time.ts';

const INTERVAL_MS = 3_600_000;
const CHUNK = 5_000;

/**
 * In chunks; several replicas may do so at once, as each passes over what another has locked. What stays of an answer is what the
 * version before, which reads it, needs for one of its own.
 */
const STATEMENT = `
WITH expired AS MATERIALIZED (
  SELECT key, kept FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)
  ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
), deleted AS (
  DELETE FROM idempotency_keys WHERE key = ANY(ARRAY(SELECT key FROM expired WHERE NOT kept))
), forgotten AS (
  UPDATE idempotency_keys
  SET created_at = 'infinity', task = json_build_object('id', task_id, 'version', 1)
  WHERE key = ANY(ARRAY(SELECT key FROM expired WHERE kept))
)
SELECT FROM expired`;

/** Deletes expired keys, or the answers of those that are kept. Resolves to how many. */
export const purgeExpiredKeys = async (pool: Pick<Pool, 'query'>, ttlHours: number, chunk = CHUNK): Promise<number> => {
  let total = 0;
  for (;;) {
    const { rowCount } = await pool.query(STATEMENT, [ttlHours, chunk]);
    total += rowCount ?? 0;
    if ((rowCount ?? 0) < chunk) return total;
  }
};

/** Purges now and every hour until `signal` aborts; a database that is away is tried again an hour later. */
export const purgeRegularly = async (
  pool: Pool,
  ttlHours: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    try {
      const purged = await purgeExpiredKeys(pool, ttlHours);
      if (purged > 0) logger.info({ purged }, 'expired idempotency keys deleted');
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, 'could not delete expired idempotency keys');
    }
    await sleep(INTERVAL_MS, signal);
  }
};
