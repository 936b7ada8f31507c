-- Up Migration

-- What was deleted, and the version that its deletion made: whatever the index forgets or a backup brings back, this says
-- what stays deleted. `ops verify` compares it with the markers of the index, and purges both after
-- DELETION_RETENTION_DAYS.
CREATE TABLE deletions (
  -- The table that the row was in.
  source     text NOT NULL,
  id         uuid NOT NULL,
  version    bigint NOT NULL,
  deleted_at timestamptz NOT NULL,
  PRIMARY KEY (source, id)
);
CREATE INDEX deletions_by_time ON deletions (source, deleted_at);

-- A trigger, so that deletions by the version before, and those by hand, count too. Each entity's table has one.
CREATE FUNCTION record_deletion() RETURNS trigger
  LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO deletions (source, id, version, deleted_at)
  SELECT TG_TABLE_NAME, d.id, d.version + 1, date_trunc('milliseconds', clock_timestamp()) FROM deleted AS d
  ON CONFLICT (source, id) DO UPDATE
    SET version = greatest(deletions.version, excluded.version), deleted_at = excluded.deleted_at;
  RETURN NULL;
END $$;
CREATE TRIGGER tasks_record_deletion AFTER DELETE ON tasks
  REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION record_deletion();

-- Down Migration

DROP TRIGGER tasks_record_deletion ON tasks;
DROP FUNCTION record_deletion();
DROP TABLE deletions;
