-- +goose Up
-- Sessions of people. A token is kept as its SHA-256 alone. Times are microseconds UTC.
CREATE TABLE sessions (
	token_sha256 TEXT PRIMARY KEY,
	id           TEXT NOT NULL UNIQUE,
	user_id      TEXT NOT NULL,
	epoch        BIGINT NOT NULL,
	data         TEXT NOT NULL,
	method       TEXT NOT NULL,
	started_at   BIGINT NOT NULL,
	seen_at      BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_seen ON sessions (seen_at);

-- Counts how often all sessions of a user were ended: a session of an earlier epoch is over.
CREATE TABLE session_epochs (
	user_id TEXT PRIMARY KEY,
	epoch   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE session_epochs;
DROP TABLE sessions;
