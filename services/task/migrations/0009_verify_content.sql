-- Up Migration

-- Documents that say something else than the row of their version.
ALTER TABLE verify_runs ADD COLUMN content bigint NOT NULL DEFAULT 0;
-- Whether the run looked: nightly runs alternate.
ALTER TABLE verify_runs ADD COLUMN with_content boolean NOT NULL DEFAULT false;

-- Down Migration

ALTER TABLE verify_runs DROP COLUMN with_content;
ALTER TABLE verify_runs DROP COLUMN content;
