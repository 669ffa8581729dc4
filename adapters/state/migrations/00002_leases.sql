-- +goose Up
-- A right that one holder has at a time, by name, and for a subscription of the log the place it has come
-- to. Both stand in one row, so that a checkpoint moves only under the fence that holds at that moment.
-- Positions are opaque text, "0" = before every event; times are microseconds UTC, 0 = none.
CREATE TABLE leases (
	name       TEXT PRIMARY KEY,
	holder     TEXT NOT NULL,
	fence      BIGINT NOT NULL, -- counts the holders there were
	renewed_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	log        TEXT NOT NULL, -- the identity of the log, '' = none
	before_position TEXT NOT NULL, -- the position of the event before the one at position
	position   TEXT NOT NULL, -- of the last event taken
	event_id   TEXT NOT NULL, -- its id, '' = none
	moved_at   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE leases;
