-- Up Migration

-- What was done about dead letters, and by whom: the audit trail, and the letters' state. Kafka cannot delete a single
-- record, so a letter stays in its topic until its time is over; its newest row here says whether it is dealt with.
CREATE TABLE dead_letter_actions (
  id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic             text NOT NULL,
  letter_partition  integer NOT NULL,
  letter_offset     bigint NOT NULL,
  -- The record's own time. A topic that was made anew counts its offsets anew: then this differs.
  letter_at         timestamptz NOT NULL,
  action            text NOT NULL CHECK (action IN ('replay', 'discard')),
  -- `replaying` is written before the event is produced: one that stays so was cut short, and its letter is still open.
  state             text NOT NULL CHECK (state IN ('replaying', 'replayed', 'superseded', 'failed', 'discarded')),
  actor             text NOT NULL,
  -- Copied, as the letter goes in the end: what it was about, and why it was one.
  task              text,
  reason            text,
  -- Why it failed or was not needed, or the note of who discarded it.
  result            text,
  started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at       timestamptz
);
CREATE INDEX dead_letter_actions_letter ON dead_letter_actions (topic, letter_partition, letter_offset, id);

-- Down Migration

DROP TABLE dead_letter_actions;
