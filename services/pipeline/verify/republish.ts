/**
 * Repairs that the index cannot be given directly, as it takes rising versions only: the row's version, or that of a
 * deletion, is raised above the index's, and goes the way of every change. So the log says it too, and a replay of the
 * log cannot undo it.
 */
import type { Pool } from 'pg';

/** A task, and the version that the index has of it. */
export interface Exceeded {
  readonly id: string;
  readonly above: number;
}

/**
 * Rows are locked in order of id, as by every writer. A row that was raised meanwhile, by a client or by another
 * repair, is left alone.
 */
const RAISE = `
WITH input AS (
  SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS i(id, above)
), locked AS MATERIALIZED (
  SELECT t.id FROM tasks AS t JOIN input USING (id) ORDER BY t.id FOR UPDATE OF t
), changed AS (
  UPDATE tasks AS t SET version = input.above + 1
  FROM input JOIN locked USING (id)
  WHERE t.id = input.id AND t.version <= input.above
  RETURNING t.id, t.version, task_json(t) AS json
)
INSERT INTO outbox (type, task_id, version, task)
SELECT 'tasks.event.updated', id, version, json FROM changed`;

/** A deleted event needs no more than id and version (services/task/events.ts). */
const DELETE = `
INSERT INTO outbox (type, task_id, version, task)
SELECT 'tasks.event.deleted', i.id, i.above + 1, json_build_object('id', i.id, 'version', i.above + 1)
FROM unnest($1::uuid[], $2::bigint[]) AS i(id, above)
WHERE NOT EXISTS (SELECT FROM tasks WHERE tasks.id = i.id)
ORDER BY i.id`;

const run = async (pool: Pool, text: string, tasks: readonly Exceeded[]): Promise<void> => {
  if (tasks.length === 0) return;
  await pool.query(text, [tasks.map(({ id }) => id), tasks.map(({ above }) => above)]);
};

/** Gives the rows a version above the index's, and publishes them. */
export const raiseRows = (pool: Pool, tasks: readonly Exceeded[]): Promise<void> => run(pool, RAISE, tasks);

/** Publishes the deletion of tasks that have no row. */
export const publishDeletions = (pool: Pool, tasks: readonly Exceeded[]): Promise<void> => run(pool, DELETE, tasks);
