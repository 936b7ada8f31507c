-- Up Migration

-- PostgreSQL 15.20 refuses a column with a default while a function's body, which it keeps parsed, uses the row (18.4 does
-- not yet). A body in quotes is not kept parsed.
CREATE OR REPLACE FUNCTION task_json(t tasks) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS 'SELECT NULL::text';

-- A constant default: no row is rewritten, and what a version of before writes has no tags.
ALTER TABLE tasks ADD COLUMN tags text[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE FUNCTION task_json(t tasks) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN json_build_object(
    'id', (t).id,
    'description', (t).description,
    'priority', (t).priority,
    'dates', json_build_object('start', rfc3339((t).start_at), 'due', rfc3339((t).due_at)),
    'isDone', (t).is_done,
    'tags', (t).tags,
    'version', (t).version,
    'schemaVersion', 2,
    'createdAt', rfc3339((t).created_at),
    'updatedAt', rfc3339((t).updated_at)
  )::text;

-- Down Migration

CREATE OR REPLACE FUNCTION task_json(t tasks) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN json_build_object(
    'id', (t).id,
    'description', (t).description,
    'priority', (t).priority,
    'dates', json_build_object('start', rfc3339((t).start_at), 'due', rfc3339((t).due_at)),
    'isDone', (t).is_done,
    'version', (t).version,
    'schemaVersion', 1,
    'createdAt', rfc3339((t).created_at),
    'updatedAt', rfc3339((t).updated_at)
  )::text;
ALTER TABLE tasks DROP COLUMN tags;
