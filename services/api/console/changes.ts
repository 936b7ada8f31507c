/** What PostgreSQL knows of changes: the newest one, and whether one was acknowledged and published. */
import type { Pool } from 'pg';
import type { Change } from './index-reader.ts';

export interface NewestChange extends Change {
  /** How long ago it was acknowledged, by the database's own clock. */
  readonly ageMs: number;
}

/**
 * The newest change that can be told without a scan: the newest in the outbox, or the newest created task, as ids are
 * in order of creation.
 */
export const newestChange = async (pool: Pool): Promise<NewestChange | undefined> => {
  const { rows } = await pool.query<{ id: string; version: string; age_ms: string }>({
    name: 'console-newest-change',
    text: `SELECT id::text, version, extract(epoch FROM clock_timestamp() - changed_at) * 1000 AS age_ms FROM (
             (SELECT task_id AS id, version, created_at AS changed_at FROM outbox
              WHERE type <> 'tasks.event.deleted' ORDER BY outbox.id DESC LIMIT 1)
             UNION ALL
             (SELECT id, version, updated_at FROM tasks ORDER BY tasks.id DESC LIMIT 1)
           ) AS newest ORDER BY changed_at DESC LIMIT 1`,
  });
  const row = rows[0];
  return row && { id: row.id, version: Number(row.version), deleted: false, ageMs: Number(row.age_ms) };
};

export const taskExists = async (pool: Pool, id: string): Promise<boolean> => {
  const { rowCount } = await pool.query('SELECT FROM tasks WHERE id = $1', [id]);
  return rowCount === 1;
};

export interface ChangeState {
  /** Nothing when neither the row nor the outbox has this version any more. */
  readonly ageMs: number | undefined;
  /** Whether it waits for the relay. */
  readonly inOutbox: boolean;
}

/** Rows that are looked through, newest first: nobody may scan an outbox in which millions wait. */
const NEWEST = 1_000;

/** Behind more than `NEWEST` later changes that wait, one counts as waiting too: the relay publishes in their order. */
export const changeState = async (pool: Pool, { id, version }: Change): Promise<ChangeState> => {
  const { rows } = await pool.query<{ age_ms: string | null; in_outbox: boolean }>({
    name: 'console-change-state',
    text: `WITH newest AS MATERIALIZED (
             SELECT task_id, version, created_at FROM outbox ORDER BY id DESC LIMIT ${NEWEST}
           ), waiting AS (
             SELECT min(created_at) FILTER (WHERE task_id = $1::uuid AND version = $2::bigint) AS since,
                    min(created_at) FILTER (WHERE (SELECT count(*) FROM newest) = ${NEWEST}) AS beyond
             FROM newest
           )
           SELECT waiting.since IS NOT NULL OR coalesce(t.updated_at < waiting.beyond, false) AS in_outbox,
                  extract(epoch FROM clock_timestamp() - coalesce(t.updated_at, waiting.since)) * 1000 AS age_ms
           FROM waiting LEFT JOIN tasks AS t ON t.id = $1::uuid AND t.version = $2::bigint`,
    values: [id, version],
  });
  const age = rows[0]?.age_ms ?? null;
  return { ageMs: age === null ? undefined : Number(age), inOutbox: rows[0]?.in_outbox === true };
};
