-- Up Migration

-- The other half of the W3C trace context: what the callers' tracing systems say to each other. Rows of a version that
-- does not know the column have none.
ALTER TABLE outbox ADD COLUMN tracestate text;
ALTER TABLE outbox_refused ADD COLUMN tracestate text;

-- Down Migration

ALTER TABLE outbox_refused DROP COLUMN tracestate;
ALTER TABLE outbox DROP COLUMN tracestate;
