-- Up Migration

-- Keys that their request asked to keep, as an import does: past IDEMPOTENCY_KEY_TTL_HOURS they lose their answer instead of
-- their row. `created_at` is infinity from then on, so that no version takes them for expired and none reads past them.
ALTER TABLE idempotency_keys ADD COLUMN kept boolean NOT NULL DEFAULT false;

-- Down Migration

ALTER TABLE idempotency_keys DROP COLUMN kept;
