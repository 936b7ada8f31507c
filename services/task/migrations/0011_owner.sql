-- Up Migration

-- Whose it is, as the access token of its creator says; null: nobody's. No row is rewritten. Bytes are compared, so that its
-- index holds whatever the system's collations become.
ALTER TABLE tasks ADD COLUMN owner text COLLATE "C";

CREATE OR REPLACE FUNCTION task_json(t tasks) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN json_build_object(
    'id', (t).id,
    'description', (t).description,
    'priority', (t).priority,
    'dates', json_build_object('start', rfc3339((t).start_at), 'due', rfc3339((t).due_at)),
    'isDone', (t).is_done,
    'tags', (t).tags,
    'owner', (t).owner,
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
    'tags', (t).tags,
    'version', (t).version,
    'schemaVersion', 2,
    'createdAt', rfc3339((t).created_at),
    'updatedAt', rfc3339((t).updated_at)
  )::text;
ALTER TABLE tasks DROP COLUMN owner;
