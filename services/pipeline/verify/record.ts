/** Runs are kept in the database, as a CronJob is gone before anybody could scrape it: the API exports the last one. */
import type { Pool } from 'pg';
import type { VerifyResult } from './run.ts';

const KEPT_RUNS = 100;

export const recordRun = async (pool: Pool, result: VerifyResult): Promise<void> => {
  const { startedAt, durationMs, rows, documents, drift, mended, undecided } = result;
  await pool.query(
    `INSERT INTO verify_runs (started_at, duration_ms, tasks, documents, missing, stale, ahead, surplus, mended, undecided)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[startedAt, durationMs, rows, documents],
      ...[drift.missing, drift.stale, drift.ahead, drift.surplus],
      mended.missing + mended.stale + mended.ahead + mended.surplus,
      undecided,
    ],
  );
  await pool.query(
    'DELETE FROM verify_runs WHERE id <= (SELECT id FROM verify_runs ORDER BY id DESC OFFSET $1 LIMIT 1)',
    [KEPT_RUNS],
  );
};
