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

export const changeState = async (pool: Pool, { id, version }: Change): Promise<ChangeState> => {
  const { rows } = await pool.query<{ age_ms: string | null; in_outbox: boolean }>({
    name: 'console-change-state',
    text: `SELECT waiting.created_at IS NOT NULL AS in_outbox,
                  extract(epoch FROM clock_timestamp() - coalesce(t.updated_at, waiting.created_at)) * 1000 AS age_ms
           FROM (SELECT $1::uuid AS id, $2::bigint AS version) AS wanted
           LEFT JOIN tasks AS t ON t.id = wanted.id AND t.version = wanted.version
           LEFT JOIN outbox AS waiting ON waiting.task_id = wanted.id AND waiting.version = wanted.version`,
    values: [id, version],
  });
  const age = rows[0]?.age_ms ?? null;
  return { ageMs: age === null ? undefined : Number(age), inOutbox: rows[0]?.in_outbox === true };
};
