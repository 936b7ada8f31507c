/**
 * PostgreSQL is lost and comes back from a backup, as docs/runbooks/restore-postgres.md does it. What was written after the
 * backup is gone; what is there reaches the index, and so does every change from then on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runOps } from '../../support/ops.ts';
import { stopProcess } from '../../support/process.ts';
import { restore } from '../history.ts';
import { opsEnv, type Fault } from './fault.ts';
import { drained } from './fill-outbox.ts';

/** All that a backup holds of the pipeline. */
const TABLES = ['tasks', 'outbox', 'idempotency_keys', 'deletions', 'outbox_held', 'outbox_refused'];

export const restoreBackup: Fault = {
  name: 'restore-backup',
  graceful: false,
  touches: ['apis', 'postgres', 'index', 'topic'],
  isAlone: true,
  inject: async (world, random, history) => {
    const { apis, database, startApi } = world;
    const { pool } = database;
    // One statement sees one moment.
    await pool.query(`BEGIN ISOLATION LEVEL REPEATABLE READ;
      ${TABLES.map((table) => `CREATE TABLE backup_of_${table} AS SELECT * FROM ${table}`).join('; ')}; COMMIT`);
    await sleep(random.int(1_000, 5_000));
    const running = apis.splice(0);
    await Promise.all(running.map(stopProcess));

    const lost = await database.versions();
    const { rows: deleted } = await pool.query<{ id: string }>('SELECT id::text FROM deletions');
    const { rows: columns } = await pool.query<{ table: string; names: string }>(
      `SELECT table_name AS table, string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
       WHERE table_name = ANY($1) AND is_generated = 'NEVER' GROUP BY table_name`,
      [TABLES],
    );
    await pool.query(`BEGIN; TRUNCATE ${TABLES.join(', ')};
      ${columns.map(({ table, names }) => `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM backup_of_${table}`).join('; ')}; COMMIT`);
    const env = opsEnv(world);
    const raised = await runOps(['restore'], env);
    if (raised.code !== 0) throw new Error(`ops restore ended with ${raised.code}: ${raised.stderr}`);
    restore(history, await database.versions(), [...lost.keys(), ...deleted.map(({ id }) => id)]);

    await Promise.all(running.map(() => startApi()));
    await drained(world);
    const repaired = await runOps(['verify', '--repair', '--grace', '20'], env);
    if (repaired.code !== 0) throw new Error(`ops verify --repair ended with ${repaired.code}: ${repaired.stderr}`);
  },
};
