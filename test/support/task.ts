/** The task as the services carry it, with names of a test's own. */
import type { PlacedEntity } from '../../services/pipeline/entity.ts';
import { columnsOf, columnsToCreate } from '../../services/pipeline/field.ts';
import { createRows, type CreateCommand } from '../../services/pipeline/write/create.ts';
import { readEnv } from '../../services/platform/env.ts';
import { placeTask, taskEnv } from '../../services/task/env.ts';
import { taskFields } from '../../services/task/fields.ts';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';

/** @param env names that differ from the product's own, such as `TASK_INDEX` */
export const taskIn = (env: Readonly<Record<string, string>> = {}): PlacedEntity => placeTask(readEnv(taskEnv, env));

/** What a request to create a task becomes. */
export const createCommand = (fields: Readonly<Record<string, unknown>>): CreateCommand => ({
  id: uuidv7(),
  columns: columnsToCreate(taskFields, fields),
  traceparent: null,
  tracestate: null,
  idempotency: undefined,
});

/** Creates tasks in one statement, as the store does. */
export const createTasks = (pool: Pool, task: PlacedEntity, commands: readonly CreateCommand[]) =>
  createRows(pool, task, columnsOf(taskFields))(commands);
