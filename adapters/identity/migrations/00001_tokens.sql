-- +goose Up
-- One row: the name that tokens of this installation carry, so that a token of another
-- installation is told apart from a wrong one.
CREATE TABLE token_environment (
	one  BIGINT PRIMARY KEY CHECK (one = 1),
	name TEXT NOT NULL
);

-- A token's secret is kept as its SHA-256 alone. Times are microseconds UTC, 0 = none.
CREATE TABLE tokens (
	id            TEXT PRIMARY KEY,
	name          TEXT NOT NULL,
	secret_sha256 TEXT NOT NULL,
	principal     TEXT NOT NULL,
	issued_at     BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL,
	revoked_at    BIGINT NOT NULL
);

-- +goose Down
DROP TABLE tokens;
DROP TABLE token_environment;
