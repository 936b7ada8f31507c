/**
 * Runs of verify are rows of the database, and the API exports the last one: a CronJob is gone before anybody could
 * scrape it.
 */
import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { sharedRead } from '../../platform/shared-read.ts';
import type { Entity } from '../entity.ts';
import { DRIFT_KINDS, sumOf, type DriftKind } from './difference.ts';
import type { VerifyResult } from './verify.ts';

/** Of each entity. */
const KEPT_RUNS = 100;

/** Writes down a run of one entity, and removes its oldest ones. */
export const recordRun = async (pool: Pool, { name }: Pick<Entity, 'name'>, result: VerifyResult): Promise<void> => {
  const { startedAt, durationMs, rows, documents, drift, repaired, undecided, withContent } = result;
  await pool.query(
    `INSERT INTO verify_runs
       (entity, started_at, duration_ms, tasks, documents, missing, stale, ahead, surplus, content, mended, undecided,
        with_content)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      ...[name, startedAt, durationMs, rows, documents],
      ...[drift.missing, drift.stale, drift.ahead, drift.surplus, drift.content],
      sumOf(repaired),
      undecided,
      withContent,
    ],
  );
  await pool.query(
    `DELETE FROM verify_runs WHERE entity = $1
     AND id <= (SELECT id FROM verify_runs WHERE entity = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)`,
    [name, KEPT_RUNS],
  );
};

/** Whether the last run of an entity compared contents too; false before the first. */
export const lastRunComparedContent = async (pool: Pool, { name }: Pick<Entity, 'name'>): Promise<boolean> => {
  const { rows } = await pool.query<{ with_content: boolean }>(
    'SELECT with_content FROM verify_runs WHERE entity = $1 ORDER BY id DESC LIMIT 1',
    [name],
  );
  return rows[0]?.with_content ?? false;
};

type LastRun = Readonly<
  Record<'entity' | 'finished_at' | 'duration' | 'documents' | 'repaired' | 'undecided' | DriftKind, string>
>;

/** Gauges by what they show of the last run. */
const GAUGES = {
  finished_at: {
    name: 'taskstream_verify_last_run_timestamp_seconds',
    help: 'When the last run of verify ended, in seconds since 1970; 0 when there was none.',
  },
  duration: { name: 'taskstream_verify_duration_seconds', help: 'Time the last run of verify took.' },
  documents: { name: 'taskstream_verify_documents', help: 'Documents that the last run of verify compared.' },
  repaired: { name: 'taskstream_verify_repaired', help: 'Differences that the last run of verify found and repaired.' },
  undecided: {
    name: 'taskstream_verify_undecided',
    help: 'Differences that the last run left undecided, as their events may have been on their way.',
  },
} as const;

/**
 * Gauges of the last run of each entity, asked for when Prometheus scrapes. Every replica exports the same; all are 0
 * before the first run, as a series that is missing until something goes wrong cannot be alerted on.
 */
export const observeVerifyRuns = (pool: Pool, entities: readonly Pick<Entity, 'name'>[], registry: Registry): void => {
  const registers = [registry];
  const names = entities.map(({ name }) => name);
  const read = sharedRead(() => lastRuns(pool, names));
  for (const [column, { name, help }] of Object.entries(GAUGES)) {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['entity'],
      registers,
      async collect() {
        for (const run of (await read()) ?? []) {
          this.set({ entity: run.entity }, Number(run[column as keyof typeof GAUGES]));
        }
      },
    });
    for (const entity of names) gauge.set({ entity }, 0);
  }
  const drift = new Gauge({
    name: 'taskstream_verify_drift',
    help: 'Rows and documents that differed when the last run of verify ended, by kind.',
    labelNames: ['entity', 'kind'],
    registers,
    async collect() {
      for (const run of (await read()) ?? []) {
        for (const kind of DRIFT_KINDS) this.set({ entity: run.entity, kind }, Number(run[kind]));
      }
    },
  });
  for (const entity of names) for (const kind of DRIFT_KINDS) drift.set({ entity, kind }, 0);
};

/** A run that a version without entities recorded has the column's default, the first entity. */
const lastRuns = async (pool: Pool, entities: readonly string[]): Promise<readonly LastRun[]> => {
  const { rows } = await pool.query<LastRun>(
    `SELECT DISTINCT ON (entity) entity,
            extract(epoch FROM started_at) + duration_ms / 1000.0 AS finished_at, duration_ms / 1000.0 AS duration,
            documents, missing, stale, ahead, surplus, content, mended AS repaired, undecided
     FROM verify_runs WHERE entity = ANY($1) ORDER BY entity, id DESC`,
    [entities],
  );
  return rows;
};
