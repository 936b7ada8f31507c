/** Updates and deletes tasks: row and event in one statement, under the row's lock. */
import type { Pool, QueryConfig } from 'pg';
import { TaskstreamError } from '../../platform/errors.ts';
import type { ExpectedVersions } from '../../platform/http/etag.ts';
import type { DeleteTask, StoredTask, UpdateTask } from './commands.ts';

/**
 * `locked` takes the row locks in order of id, so that two statements cannot wait for each other, and waits for
 * whoever holds them. It returns the newest version of each row, not the one of this statement's snapshot, and so do
 * UPDATE and DELETE below: where the row changed since the snapshot, READ COMMITTED makes them look again at the newest
 * one (PostgreSQL documentation, 13.2.1). As the lock is held until commit, outbox rows of one task get their numbers
 * in the order of its versions. `accepted` compares with the locked version.
 */
const LOCKED = `
locked AS MATERIALIZED (
  SELECT t.id, t.version FROM tasks AS t JOIN input USING (id) ORDER BY t.id FOR UPDATE OF t
), accepted AS MATERIALIZED (
  SELECT input.* FROM input JOIN locked USING (id)
  WHERE input.expected IS NULL OR locked.version <@ input.expected::int8multirange
)`;

const UPDATE = `
WITH input AS (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::boolean[])
    AS i(id, expected, traceparent, description, priority, start_at, due_at, is_done)
), ${LOCKED}, changed AS (
  UPDATE tasks AS t
  SET description = a.description, priority = a.priority::priority, start_at = a.start_at, due_at = a.due_at,
      is_done = a.is_done, version = t.version + 1,
      -- A clock that was set back must not make a later change look older.
      updated_at = greatest(t.updated_at, date_trunc('milliseconds', clock_timestamp()))
  FROM accepted AS a
  WHERE t.id = a.id
  RETURNING t.id, t.version, task_json(t) AS json, a.traceparent
), published AS (
  INSERT INTO outbox (type, task_id, version, task, traceparent)
  SELECT 'tasks.event.updated', id, version, json, traceparent FROM changed
)
SELECT locked.id::text, locked.version AS seen, changed.version, changed.json FROM locked LEFT JOIN changed USING (id)`;

const DELETE = `
WITH input AS (
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS i(id, expected, traceparent)
), ${LOCKED}, changed AS (
  DELETE FROM tasks AS t
  USING accepted AS a
  WHERE t.id = a.id
  RETURNING t.id, t.version + 1 AS version, a.traceparent,
    task_json(ROW(t.id, t.description, t.priority, t.start_at, t.due_at, t.is_done, t.version + 1, t.created_at,
                  greatest(t.updated_at, date_trunc('milliseconds', clock_timestamp())))::tasks) AS json
), published AS (
  INSERT INTO outbox (type, task_id, version, task, traceparent)
  SELECT 'tasks.event.deleted', id, version, json, traceparent FROM changed
)
SELECT locked.id::text, locked.version AS seen, changed.version, changed.json FROM locked LEFT JOIN changed USING (id)`;

type Changed = StoredTask | TaskstreamError;

/** For each command the task as it is now, or why it was not changed. No task may stand in two commands. */
export const updateTasks = (pool: Pool, commands: readonly UpdateTask[]): Promise<Changed[]> =>
  change(pool, commands, {
    name: 'update-tasks',
    text: UPDATE,
    values: [
      commands.map(({ id }) => id),
      commands.map(({ expected }) => versionRanges(expected)),
      commands.map(({ traceparent }) => traceparent),
      commands.map(({ description }) => description),
      commands.map(({ priority }) => priority),
      commands.map(({ start }) => start),
      commands.map(({ due }) => due),
      commands.map(({ isDone }) => isDone),
    ],
  });

/** For each command the task as it was, under the version of its deletion, or why it was not deleted. */
export const deleteTasks = (pool: Pool, commands: readonly DeleteTask[]): Promise<Changed[]> =>
  change(pool, commands, {
    name: 'delete-tasks',
    text: DELETE,
    values: [
      commands.map(({ id }) => id),
      commands.map(({ expected }) => versionRanges(expected)),
      commands.map(({ traceparent }) => traceparent),
    ],
  });

/** Versions as the text of a multirange, as arrays of arrays do not unnest. */
const versionRanges = (expected: ExpectedVersions): string | null => {
  if (expected === undefined) return null;
  if ('only' in expected) return `{${expected.only.map((version) => `[${version},${version}]`).join()}}`;
  const bounds = [...expected.except].sort((a, b) => a - b);
  return `{(,${bounds.map((version) => `${version}),(${version},`).join('')})}`;
};

interface ChangedRow {
  readonly id: string;
  readonly seen: string;
  readonly version: string | null;
  readonly json: string | null;
}

const change = async (
  pool: Pool,
  commands: readonly { readonly id: string }[],
  query: QueryConfig,
): Promise<Changed[]> => {
  const { rows } = await pool.query<ChangedRow>(query);
  const found = new Map(rows.map((row) => [row.id, row]));
  return commands.map(({ id }) => {
    const row = found.get(id);
    if (row === undefined) return taskNotFound(id);
    if (row.version !== null && row.json !== null) return { id, version: Number(row.version), json: row.json };
    const currentVersion = Number(row.seen);
    return new TaskstreamError(
      'precondition_failed',
      `The task is at version ${currentVersion}; read it again and decide whether your change still holds.`,
      { extensions: { currentVersion } },
    );
  });
};

export const taskNotFound = (id: string): TaskstreamError =>
  new TaskstreamError('task_not_found', `There is no task ${id}.`);
