/** Creates tasks: row, event and idempotency key in one statement. */
import type { Pool } from 'pg';
import { TaskstreamError } from '../../platform/errors.ts';
import type { CreateTask, StoredTask } from './commands.ts';

export interface CreatedTask extends StoredTask {
  /** True when an earlier request with the same key had created it. */
  readonly replayed: boolean;
}

/**
 * `claimed` holds the keys that this statement was the first to bring. A key that another transaction brings at the
 * same time makes `ON CONFLICT` wait for it, and then leave it alone; keys are inserted in order, so that two
 * statements cannot wait for each other. Two commands with one key in this statement: the second finds it taken too.
 */
const CREATE = `
WITH input AS MATERIALIZED (
  SELECT made.task, task_json(made.task) AS json, made.traceparent, made.key, made.request_hash
  FROM (
    SELECT ROW(id, description, priority::priority, start_at, due_at, false, 1, clock.now, clock.now)::tasks AS task,
           traceparent, key, request_hash
    FROM (SELECT date_trunc('milliseconds', clock_timestamp()) AS now) AS clock,
         unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
           AS i(id, description, priority, start_at, due_at, traceparent, key, request_hash)
  ) AS made
), claimed AS (
  INSERT INTO idempotency_keys (key, request_hash, task_id, task)
  SELECT key, request_hash, (task).id, json FROM input WHERE key IS NOT NULL ORDER BY key
  ON CONFLICT (key) DO NOTHING
  RETURNING task_id
), accepted AS MATERIALIZED (
  SELECT * FROM input WHERE key IS NULL OR (task).id IN (SELECT task_id FROM claimed)
), created AS (
  INSERT INTO tasks SELECT (task).* FROM accepted
), published AS (
  INSERT INTO outbox (type, task_id, version, task, traceparent)
  SELECT 'tasks.event.created', (task).id, 1, json, traceparent FROM accepted
)
SELECT (task).id::text AS id, json FROM accepted`;

/**
 * For each command the task it created, or that an earlier command with its key had created. When those cannot be read,
 * the error is theirs alone: the first statement has committed, and what it created must be neither failed nor repeated.
 */
export const createTasks = async (pool: Pool, commands: readonly CreateTask[]): Promise<(CreatedTask | Error)[]> => {
  const { rows } = await pool.query<{ id: string; json: string }>({
    name: 'create-tasks',
    text: CREATE,
    values: [
      commands.map(({ id }) => id),
      commands.map(({ description }) => description),
      commands.map(({ priority }) => priority),
      commands.map(({ start }) => start),
      commands.map(({ due }) => due),
      commands.map(({ traceparent }) => traceparent),
      commands.map(({ idempotency }) => idempotency?.key ?? null),
      commands.map(({ idempotency }) => idempotency?.requestHash ?? null),
    ],
  });
  const created = new Map(rows.map(({ id, json }) => [id, json]));
  const late = commands.filter(({ id }) => !created.has(id));
  const earlier = late.length === 0 ? undefined : await findAnswers(pool, late).catch(toError);
  return commands.map(({ id, idempotency }) => {
    const json = created.get(id);
    if (json !== undefined) return { id, version: 1, json, replayed: false };
    if (earlier instanceof Error) return earlier;
    return answerAgain(earlier?.get(idempotency?.key ?? ''), idempotency?.requestHash);
  });
};

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

interface EarlierAnswer {
  readonly key: string;
  readonly request_hash: string;
  readonly task_id: string;
  readonly task: string;
}

const findAnswers = async (pool: Pool, commands: readonly CreateTask[]): Promise<Map<string, EarlierAnswer>> => {
  const { rows } = await pool.query<EarlierAnswer>({
    name: 'find-answers',
    text: 'SELECT key, request_hash, task_id::text, task FROM idempotency_keys WHERE key = ANY($1::text[])',
    values: [commands.map(({ idempotency }) => idempotency?.key ?? '')],
  });
  return new Map(rows.map((row) => [row.key, row]));
};

const answerAgain = (
  earlier: EarlierAnswer | undefined,
  requestHash: string | undefined,
): CreatedTask | TaskstreamError => {
  if (earlier === undefined) {
    // It expired between the two statements: the client's retry will create the task.
    return new TaskstreamError('database_unavailable', 'The Idempotency-Key just expired; try again.', {
      retriable: true,
      retryAfterSeconds: 1,
    });
  }
  if (earlier.request_hash !== requestHash) {
    return new TaskstreamError('idempotency_key_reused', 'This Idempotency-Key was used with another body.');
  }
  return { id: earlier.task_id, version: 1, json: earlier.task, replayed: true };
};
