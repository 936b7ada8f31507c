-- Up Migration

-- All entities share one outbox: a row names its topic. Rows of a version that names none go to the topic of their type.
ALTER TABLE outbox ADD COLUMN topic text;

-- By a hash of the id: what parts the outbox one day, when several relays share it. Generated, so that rows of every
-- version have it.
ALTER TABLE outbox ADD COLUMN slot smallint NOT NULL GENERATED ALWAYS AS ((uuid_hash(task_id) & 63)::smallint) STORED;

-- Each entity is verified by itself.
ALTER TABLE verify_runs ADD COLUMN entity text NOT NULL DEFAULT 'task';

-- The JSON names the version of its schema. A later migration that adds a field replaces the function and raises the
-- number, so that the events of a version which is still running say what they hold.
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
    'createdAt', rfc3339((t).created_at),
    'updatedAt', rfc3339((t).updated_at)
  )::text;
ALTER TABLE verify_runs DROP COLUMN entity;
ALTER TABLE outbox DROP COLUMN slot;
ALTER TABLE outbox DROP COLUMN topic;
