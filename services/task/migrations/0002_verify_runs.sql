-- Up Migration

-- Results of `ops verify`, the last hundred: the API exports the newest as metrics.
CREATE TABLE verify_runs (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  started_at  timestamptz NOT NULL,
  duration_ms bigint NOT NULL,
  -- Rows and documents that were compared.
  tasks       bigint NOT NULL,
  documents   bigint NOT NULL,
  -- Drift that was found and not mended, by kind.
  missing     bigint NOT NULL,
  stale       bigint NOT NULL,
  ahead       bigint NOT NULL,
  surplus     bigint NOT NULL,
  mended      bigint NOT NULL,
  -- Differences whose events might still have been on their way.
  undecided   bigint NOT NULL
);

-- Down Migration

DROP TABLE verify_runs;
