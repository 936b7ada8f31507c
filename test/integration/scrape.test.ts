import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { observeOutbox } from '../../services/pipeline/relay/metrics.ts';
import { observeVerifyRuns } from '../../services/pipeline/verify/runs.ts';
import { withDeadline } from '../../services/platform/time.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { sumOf } from '../support/process.ts';
import { waitFor } from '../support/wait.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
});
afterAll(() => database.close());

describe('a scrape', () => {
  it('shows the outbox as it is, and not its age at the scrape before', async () => {
    const registry = new Registry();
    observeOutbox(database.pool, registry, { maxRows: () => 1_000 });
    await database.pool.query(
      `INSERT INTO outbox (type, task_id, version, task, created_at)
       VALUES ('tasks.event.created', gen_random_uuid(), 1, '{}', now() - interval '1 minute')`,
    );
    const text = await registry.metrics();
    expect(sumOf(text, 'taskstream_outbox_rows')).toBe(1);
    expect(sumOf(text, 'taskstream_outbox_oldest_age_seconds')).toBeGreaterThanOrEqual(60);
    await database.pool.query('DELETE FROM outbox');
    expect(sumOf(await registry.metrics(), 'taskstream_outbox_oldest_age_seconds')).toBe(0);
  });

  it('shows no figure of the outbox that it could not measure, and all of them once it can', async () => {
    const registry = new Registry();
    observeOutbox(database.pool, registry, { maxRows: () => 1_000 });
    const names = async () =>
      [...(await registry.metrics()).matchAll(/^(taskstream_outbox_(?!max_rows)\w+) /gm)]
        .map(([, name]) => String(name))
        .sort();
    const all = ['oldest_age_seconds', 'refused_rows', 'rows'].map((name) => `taskstream_outbox_${name}`);
    expect(await names()).toEqual(all);
    await database.pool.query('ALTER TABLE outbox RENAME TO elsewhere');
    try {
      expect(await names()).toEqual([]);
    } finally {
      await database.pool.query('ALTER TABLE elsewhere RENAME TO outbox');
    }
    expect(await names()).toEqual(all);
  });

  it('waits a moment for a database that hangs, and asks it nothing a second time meanwhile', async () => {
    const registry = new Registry();
    observeOutbox(database.pool, registry, { maxRows: () => 1_000 });
    observeVerifyRuns(database.pool, [{ name: 'task' }], registry);
    const scrape = () => withDeadline(registry.metrics(), 20_000, 'a scrape');
    const locker = await database.pool.connect();
    try {
      await locker.query('BEGIN; LOCK TABLE outbox, verify_runs');
      for (let count = 1; count <= 2; count += 1) {
        const text = await scrape();
        expect(text).toContain('taskstream_outbox_max_rows 1000');
        expect(text).not.toMatch(/^taskstream_outbox_rows /m);
        const { rows } = await locker.query<{ table: string }>(
          `SELECT relation::regclass::text AS table FROM pg_locks JOIN pg_database ON pg_database.oid = database
           WHERE datname = current_database() AND NOT granted ORDER BY 1`,
        );
        expect(rows.map(({ table }) => table)).toEqual(['outbox', 'verify_runs']);
      }
    } finally {
      await locker.query('ROLLBACK');
      locker.release();
    }
    await waitFor('the figure', async () => /^taskstream_outbox_rows /m.test(await scrape()));
  });

  it('shows the last run of verify of each entity, whatever version recorded it, and zeros before the first', async () => {
    const registry = new Registry();
    observeVerifyRuns(database.pool, [{ name: 'task' }, { name: 'note' }], registry);
    const before = await registry.metrics();
    for (const kind of ['missing', 'stale', 'ahead', 'surplus']) {
      for (const entity of ['task', 'note']) {
        expect(before).toContain(`taskstream_verify_drift{entity="${entity}",kind="${kind}"} 0`);
      }
    }
    expect(before).toContain('taskstream_verify_last_run_timestamp_seconds{entity="task"} 0');
    expect(before).toContain('taskstream_verify_last_run_timestamp_seconds{entity="note"} 0');
    // As the versions that know no entities write it.
    await database.pool.query(
      `INSERT INTO verify_runs (started_at, duration_ms, tasks, documents, missing, stale, ahead, surplus, mended, undecided)
       VALUES ('2026-01-01T00:00:00Z', 1500, 10, 11, 1, 2, 3, 4, 5, 6)`,
    );
    const text = await registry.metrics();
    const shown = (name: string, labels = {}) =>
      sumOf(text, `taskstream_verify_${name}`, { entity: 'task', ...labels });
    expect(shown('last_run_timestamp_seconds')).toBe(Date.parse('2026-01-01T00:00:01.500Z') / 1_000);
    expect([shown('duration_seconds'), shown('documents'), shown('repaired'), shown('undecided')]).toEqual([
      1.5, 11, 5, 6,
    ]);
    expect(['missing', 'stale', 'ahead', 'surplus'].map((kind) => shown('drift', { kind }))).toEqual([1, 2, 3, 4]);
    expect(shown('documents', { entity: 'note' })).toBe(0);
  });
});
