-- +goose Up
-- Attempts that went out to an identity provider. Times are microseconds UTC.
CREATE TABLE signin_attempts (
	key_sha256    TEXT PRIMARY KEY,
	handle_sha256 TEXT NOT NULL,
	data          TEXT NOT NULL,
	expires_at    BIGINT NOT NULL
);
CREATE INDEX signin_attempts_expiry ON signin_attempts (expires_at);

-- What a provider may say only once.
CREATE TABLE signin_spent (
	id_sha256  TEXT PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX signin_spent_expiry ON signin_spent (expires_at);

-- +goose Down
DROP TABLE signin_spent;
DROP TABLE signin_attempts;
