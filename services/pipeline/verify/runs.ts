/**
 * Runs of verify are rows of the database, and the API exports the last one: a CronJob is gone before anybody could
 * scrape it.
 */
import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { sharedRead } from '../../platform/shared-read.ts';
import { DRIFT_KINDS, sumOf, type DriftKind } from './difference.ts';
import type { VerifyResult } from './verify.ts';

const KEPT_RUNS = 100;

export const recordRun = async (pool: Pool, result: VerifyResult): Promise<void> => {
  const { startedAt, durationMs, rows, documents, drift, mended, undecided } = result;
  await pool.query(
    `INSERT INTO verify_runs (started_at, duration_ms, tasks, documents, missing, stale, ahead, surplus, mended, undecided)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      ...[startedAt, durationMs, rows, documents],
      ...[drift.missing, drift.stale, drift.ahead, drift.surplus],
      sumOf(mended),
      undecided,
    ],
  );
  await pool.query(
    'DELETE FROM verify_runs WHERE id <= (SELECT id FROM verify_runs ORDER BY id DESC OFFSET $1 LIMIT 1)',
    [KEPT_RUNS],
  );
};

type LastRun = Readonly<Record<'finished_at' | 'duration' | 'documents' | 'mended' | 'undecided' | DriftKind, string>>;

/** Gauges by what they show of the last run. */
const GAUGES = {
  finished_at: {
    name: 'taskstream_verify_last_run_timestamp_seconds',
    help: 'When the last run of verify ended, in seconds since 1970; 0 when there was none.',
  },
  duration: { name: 'taskstream_verify_duration_seconds', help: 'Time the last run of verify took.' },
  documents: { name: 'taskstream_verify_documents', help: 'Documents that the last run of verify compared.' },
  mended: { name: 'taskstream_verify_mended', help: 'Tasks that the last run of verify found different and repaired.' },
  undecided: {
    name: 'taskstream_verify_undecided',
    help: 'Differences that the last run left undecided, as their events may have been on their way.',
  },
} as const;

/** Asked for when Prometheus scrapes. Every replica exports the same; all are 0 before the first run. */
export const observeVerifyRuns = (pool: Pool, registry: Registry): void => {
  const registers = [registry];
  const read = sharedRead(() => lastRun(pool));
  for (const [column, { name, help }] of Object.entries(GAUGES)) {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const run = await read();
        if (run !== undefined) this.set(Number(run[column as keyof typeof GAUGES]));
      },
    });
  }
  const drift = new Gauge({
    name: 'taskstream_verify_drift',
    help: 'Tasks on which PostgreSQL and the index disagreed when the last run of verify ended, by kind.',
    labelNames: ['kind'],
    registers,
    async collect() {
      const run = await read();
      if (run !== undefined) for (const kind of DRIFT_KINDS) this.set({ kind }, Number(run[kind]));
    },
  });
  // A series that is missing until something goes wrong cannot be alerted on.
  for (const kind of DRIFT_KINDS) drift.set({ kind }, 0);
};

const lastRun = async (pool: Pool): Promise<LastRun | undefined> => {
  const { rows } = await pool.query<LastRun>(
    `SELECT extract(epoch FROM started_at) + duration_ms / 1000.0 AS finished_at, duration_ms / 1000.0 AS duration,
            documents, missing, stale, ahead, surplus, mended, undecided
     FROM verify_runs ORDER BY id DESC LIMIT 1`,
  );
  return rows[0];
};
