-- +goose Up
-- When the clock's sweeps ran last. Times are microseconds UTC, 0 = never.
CREATE TABLE sweeps (
	name         TEXT PRIMARY KEY,
	started_at   BIGINT NOT NULL, -- of the last run
	succeeded_at BIGINT NOT NULL, -- when the last run began that did all there was to do
	fault        TEXT NOT NULL    -- of the last run, '' = none
);

-- +goose Down
DROP TABLE sweeps;
