-- +goose Up
-- An upload, from its beginning until its bytes are deleted. Times are microseconds UTC, 0 = none. metadata and digest
-- are sealed under the case's key, key_id: what the client said of the file, and the state of SHA-256 over the first
-- received bytes. writer is the request that writes now, or wrote last. stage is receiving, whole (all bytes are there, and
-- were not looked at), scan, or kept (done with). fence grows with each worker that takes the row.
CREATE TABLE staged_uploads (
	id         TEXT PRIMARY KEY,
	case_ref   TEXT NOT NULL,
	key_id     TEXT NOT NULL,
	bytes      BIGINT NOT NULL,
	received   BIGINT NOT NULL,
	metadata   TEXT NOT NULL,
	digest     TEXT NOT NULL,
	writer     TEXT NOT NULL,
	stage      TEXT NOT NULL,
	began_at   BIGINT NOT NULL,
	touched_at BIGINT NOT NULL,
	due_at     BIGINT NOT NULL,
	waits_since BIGINT NOT NULL,
	attempts   BIGINT NOT NULL,
	fence      BIGINT NOT NULL,
	fault      TEXT NOT NULL
);
CREATE INDEX staged_uploads_by_stage ON staged_uploads (stage, due_at, id);
CREATE INDEX staged_uploads_by_touch ON staged_uploads (stage, touched_at);
CREATE INDEX staged_uploads_by_case ON staged_uploads (case_ref);
-- What was received of an upload, until its manifest takes the place of these rows.
CREATE TABLE staged_segments (
	upload       TEXT NOT NULL,
	start_offset BIGINT NOT NULL,
	name         TEXT NOT NULL,
	bytes        BIGINT NOT NULL,
	PRIMARY KEY (upload, start_offset)
);

-- +goose Down
DROP TABLE staged_segments;
DROP TABLE staged_uploads;
