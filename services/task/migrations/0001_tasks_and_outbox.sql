-- Up Migration

CREATE TYPE priority AS ENUM ('none', 'low', 'medium', 'high');

CREATE TABLE tasks (
  -- UUIDv7: ordered by time of creation, so the primary key serves "newest first" listings too.
  id          uuid PRIMARY KEY,
  description text NOT NULL CHECK (description <> ''),
  priority    priority NOT NULL DEFAULT 'none',
  start_at    timestamptz,
  due_at      timestamptz,
  is_done     boolean NOT NULL DEFAULT false,
  -- Grows by one with every change, the deletion included; the external version of the search document.
  version     bigint NOT NULL DEFAULT 1 CHECK (version > 0),
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  CONSTRAINT tasks_start_not_after_due CHECK (start_at <= due_at)
);

-- Changes that Kafka does not have yet. Rows live for milliseconds: the relay deletes what the broker confirmed.
CREATE TABLE outbox (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type        text NOT NULL,
  task_id     uuid NOT NULL,
  version     bigint NOT NULL,
  -- The task as the event carries it, JSON text.
  task        text NOT NULL,
  -- W3C trace context of the request that made the change.
  traceparent text,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
  -- Every row is deleted soon after it was written: vacuum must keep pace, and reuse the space.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 50000
);

-- Answers already given to POST /tasks with an Idempotency-Key.
CREATE TABLE idempotency_keys (
  key          text PRIMARY KEY,
  -- SHA-256 of the request as it was understood: the same key with another body is refused.
  request_hash text NOT NULL,
  task_id      uuid NOT NULL,
  -- The task as it was answered, JSON text.
  task         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- RFC 3339 in UTC with milliseconds, the form JavaScript's Date prints.
CREATE FUNCTION rfc3339(t timestamptz) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- A task as HTTP and events show it: the only place where a row becomes JSON.
CREATE FUNCTION task_json(t tasks) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN json_build_object(
    'id', (t).id,
    'description', (t).description,
    'priority', (t).priority,
    'dates', json_build_object('start', rfc3339((t).start_at), 'due', rfc3339((t).due_at)),
    'isDone', (t).is_done,
    'version', (t).version,
    'createdAt', rfc3339((t).created_at),
    'updatedAt', rfc3339((t).updated_at)
  )::text;

-- Down Migration

DROP FUNCTION task_json(tasks);
DROP FUNCTION rfc3339(timestamptz);
DROP TABLE idempotency_keys;
DROP TABLE outbox;
DROP TABLE tasks;
DROP TYPE priority;
