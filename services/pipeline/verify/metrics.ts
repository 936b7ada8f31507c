/** What the last run of `ops verify` found, for Prometheus: the run itself is over before it could be scraped. */
import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { sharedRead } from '../../platform/shared-read.ts';

const KINDS = ['missing', 'stale', 'ahead', 'surplus'] as const;

type LastRun = Readonly<
  Record<'finished_at' | 'duration' | 'documents' | 'mended' | 'undecided' | (typeof KINDS)[number], string>
>;

/** Gauges by what they show of the last run. */
const GAUGES = {
  finished_at: {
    name: 'taskstream_verify_last_run_timestamp_seconds',
    help: 'When the last run of verify ended, in seconds since 1970; 0 when there was none.',
  },
  duration: { name: 'taskstream_verify_duration_seconds', help: 'Time the last run of verify took.' },
  documents: { name: 'taskstream_verify_documents', help: 'Documents that the last run of verify compared.' },
  mended: { name: 'taskstream_verify_mended', help: 'Tasks that the last run of verify found different and mended.' },
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
      if (run !== undefined) for (const kind of KINDS) this.set({ kind }, Number(run[kind]));
    },
  });
  // A series that is missing until something goes wrong cannot be alerted on.
  for (const kind of KINDS) drift.set({ kind }, 0);
};

const lastRun = async (pool: Pool): Promise<LastRun | undefined> => {
  const { rows } = await pool.query<LastRun>(
    `SELECT extract(epoch FROM started_at) + duration_ms / 1000.0 AS finished_at, duration_ms / 1000.0 AS duration,
            documents, missing, stale, ahead, surplus, mended, undecided
     FROM verify_runs ORDER BY id DESC LIMIT 1`,
  );
  return rows[0];
};
