/** The task as the services carry it, with names of a test's own. */
import { escapeIdentifier, type Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { columnsOf, columnsToCreate } from '../../services/pipeline/field.ts';
import { createRows, type CreateCommand } from '../../services/pipeline/write/create.ts';
import { ANYBODY } from '../../services/platform/auth/actor.ts';
import { readEnv } from '../../services/platform/env.ts';
import { placeTask, taskEnv } from '../../services/task/env.ts';
import { taskFields } from '../../services/task/fields.ts';
import type { Task } from '../../services/task/task.ts';

/** @param env names that differ from the product's own, such as `TASK_INDEX` */
export const taskIn = (env: Readonly<Record<string, string>> = {}): PlacedEntity => placeTask(readEnv(taskEnv, env));

/** What a request to create a task becomes. */
export const createCommand = (fields: Readonly<Record<string, unknown>>): CreateCommand => ({
  id: uuidv7(),
  actor: ANYBODY,
  columns: columnsToCreate(taskFields, fields),
  traceparent: null,
  tracestate: null,
  idempotency: undefined,
});

/** Creates tasks in one statement, as the store does. */
export const createTasks = (pool: Pool, task: PlacedEntity, commands: readonly CreateCommand[]) =>
  createRows(pool, task, columnsOf(taskFields))(commands);

const CHUNK = 5_000;

/** Inserts rows alone: no request created them, and no event tells of them. */
export const insertTasks = async (pool: Pool, tasks: readonly Task[]): Promise<void> => {
  const columns = columnsOf(taskFields).map(({ name, type }) => ({ name: escapeIdentifier(name), type }));
  const names = ['id', ...columns.map(({ name }) => name), 'version', 'created_at', 'updated_at'].join(', ');
  const types = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  for (let from = 0; from < tasks.length; from += CHUNK) {
    const rows = tasks.slice(from, from + CHUNK).map((task) => ({
      ...columnsToCreate(taskFields, { ...task }),
      id: task.id,
      version: task.version,
      created_at: task.createdAt,
      updated_at: task.updatedAt,
    }));
    await pool.query(
      `INSERT INTO tasks (${names}) SELECT ${names} FROM json_to_recordset($1)
         AS t(id uuid, ${types}, version bigint, created_at timestamptz, updated_at timestamptz)`,
      [JSON.stringify(rows)],
    );
  }
};
