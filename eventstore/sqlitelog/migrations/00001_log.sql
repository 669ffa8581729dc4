-- +goose Up
-- Positions are the row ids: dense, 1, 2, 3 …, given by the one writer inside its transaction.
CREATE TABLE log_event (
	position    INTEGER PRIMARY KEY,
	stream      TEXT NOT NULL,
	revision    INTEGER NOT NULL,
	id          BLOB NOT NULL,
	type        TEXT NOT NULL,
	data        BLOB NOT NULL,
	metadata    BLOB NOT NULL,
	recorded_at INTEGER NOT NULL -- microseconds since 1970-01-01 UTC
) STRICT;

-- Both indexes hold what a writer has planned against what another process has written.
CREATE UNIQUE INDEX log_event_stream ON log_event (stream, revision);
CREATE UNIQUE INDEX log_event_id ON log_event (id);

CREATE TABLE log_identity (
	one_row  INTEGER PRIMARY KEY CHECK (one_row = 1),
	identity TEXT NOT NULL
) STRICT;
