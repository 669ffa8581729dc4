-- +goose Up
-- Positions are dense, 1, 2, 3 …, given under the lock of log_head's row: no sequence, which would
-- leave gaps that readers could skip over.
CREATE TABLE log_event (
	position    BIGINT PRIMARY KEY,
	stream      TEXT COLLATE "C" NOT NULL,
	revision    BIGINT NOT NULL,
	id          UUID NOT NULL,
	type        TEXT COLLATE "C" NOT NULL,
	data        BYTEA NOT NULL,
	metadata    BYTEA NOT NULL,
	recorded_at BIGINT NOT NULL -- microseconds since 1970-01-01 UTC
);

-- Both indexes hold what a writer has planned against what another process has written.
CREATE UNIQUE INDEX log_event_stream ON log_event (stream, revision);
CREATE UNIQUE INDEX log_event_id ON log_event (id);

-- The end of the log, and its lock: one row, changed by every append in the append's transaction.
CREATE TABLE log_head (
	one_row     BOOLEAN PRIMARY KEY DEFAULT true CHECK (one_row),
	position    BIGINT NOT NULL,
	recorded_at BIGINT NOT NULL,
	identity    UUID NOT NULL
);
INSERT INTO log_head (position, recorded_at, identity) VALUES (0, 0, gen_random_uuid());
-- The row is rewritten all the time; room in its page keeps it there.
ALTER TABLE log_head SET (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
