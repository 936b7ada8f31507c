/** Reads tasks straight from PostgreSQL. */
import type { Pool } from 'pg';
import type { StoredTask } from './commands.ts';

interface Row {
  readonly id: string;
  readonly version: string;
  readonly json: string;
}

const toTask = ({ id, version, json }: Row): StoredTask => ({ id, version: Number(version), json });

/** A task by id; nothing when there is none. */
export const readTask = async (pool: Pool, id: string): Promise<StoredTask | undefined> => {
  const { rows } = await pool.query<Row>({
    name: 'read-task',
    text: 'SELECT id::text, version, task_json(tasks) AS json FROM tasks WHERE id = $1',
    values: [id],
  });
  return rows[0] === undefined ? undefined : toTask(rows[0]);
};

/** Above every UUIDv7 that time will bring. */
const BEYOND_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Up to `limit` tasks created before the task `before`, newest first: ids are UUIDv7, and so in order of creation.
 * The order is by the column: a bare `id` would be the text of the answer, for which all rows are read and sorted.
 */
export const listTasks = async (pool: Pool, limit: number, before: string | undefined): Promise<StoredTask[]> => {
  const { rows } = await pool.query<Row>({
    name: 'list-tasks',
    text: 'SELECT id::text, version, task_json(tasks) AS json FROM tasks WHERE id < $1 ORDER BY tasks.id DESC LIMIT $2',
    values: [before ?? BEYOND_ALL, limit],
  });
  return rows.map(toTask);
};
