-- +goose Up
-- A rejected message, kept until an operator decides on it. Times are microseconds UTC, 0 = none.
-- original and resolved_reason are sealed under the key of the case, so that they go with it. id is a UUID of
-- version 7: its order is that in which letters came.
CREATE TABLE dead_letters (
	id               TEXT PRIMARY KEY,
	fingerprint      TEXT NOT NULL UNIQUE,
	source           TEXT NOT NULL,
	event_id         TEXT NOT NULL,
	type             TEXT NOT NULL,
	subject          TEXT NOT NULL,
	sequence         BIGINT NOT NULL,
	stream           TEXT NOT NULL,
	code             TEXT NOT NULL,
	reason           TEXT NOT NULL,
	via              TEXT NOT NULL,
	times            BIGINT NOT NULL,
	received_at      BIGINT NOT NULL,
	last_received_at BIGINT NOT NULL,
	status           TEXT NOT NULL,
	resolved_by      TEXT NOT NULL,
	resolved_reason  TEXT NOT NULL,
	resolved_at      BIGINT NOT NULL,
	original         TEXT NOT NULL
);
CREATE INDEX dead_letters_by_status ON dead_letters (status, id);

-- +goose Down
DROP TABLE dead_letters;
