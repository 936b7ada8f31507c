-- Up Migration

-- Changes that Kafka refused for good, such as one that is too large for its topic, moved here so that the outbox goes on
-- without them. `ops outbox replay` moves them back.
CREATE TABLE outbox_refused (
  -- The number that the row had in the outbox.
  id          bigint PRIMARY KEY,
  topic       text NOT NULL,
  type        text NOT NULL,
  task_id     uuid NOT NULL,
  version     bigint NOT NULL,
  task        text NOT NULL,
  traceparent text,
  created_at  timestamptz NOT NULL,
  -- Kafka's answer.
  reason      text NOT NULL,
  refused_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rows of the outbox that Kafka does not confirm and that the active relay retries, written by it for `ops outbox`. They
-- hold back what must not overtake them.
CREATE TABLE outbox_held (
  id          bigint NOT NULL,
  task_id     uuid NOT NULL,
  -- What waits behind the row: its id, a partition or a topic.
  scope       text NOT NULL,
  reason      text NOT NULL,
  attempts    integer NOT NULL,
  since       timestamptz NOT NULL
);

-- Down Migration

DROP TABLE outbox_held;
DROP TABLE outbox_refused;
