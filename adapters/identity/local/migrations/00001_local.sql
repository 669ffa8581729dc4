-- +goose Up
-- Credentials of local accounts, by the user's opaque id. Times are microseconds UTC, 0 = none.
CREATE TABLE local_passwords (
	user_id TEXT PRIMARY KEY,
	phc     TEXT NOT NULL,
	set_at  BIGINT NOT NULL
);

-- Seeds of one-time codes, sealed under the person's key. The pending one becomes the seed when
-- its first code is entered. last_step is the time step of the last code that was taken.
CREATE TABLE local_totp (
	user_id        TEXT PRIMARY KEY,
	sealed         TEXT NOT NULL,
	pending_sealed TEXT NOT NULL,
	last_step      BIGINT NOT NULL
);

CREATE TABLE local_recovery_codes (
	user_id     TEXT NOT NULL,
	code_sha256 TEXT NOT NULL,
	PRIMARY KEY (user_id, code_sha256)
);

CREATE TABLE local_questions (
	user_id  TEXT NOT NULL,
	place    BIGINT NOT NULL,
	question TEXT NOT NULL,
	phc      TEXT NOT NULL,
	PRIMARY KEY (user_id, place)
);

-- Sign-ins whose password was right and whose code is awaited.
CREATE TABLE local_challenges (
	challenge_sha256 TEXT PRIMARY KEY,
	user_id          TEXT NOT NULL,
	account_key      TEXT NOT NULL,
	expires_at       BIGINT NOT NULL
);

-- Attempts that have not been right, by a keyed hash of the account's name or of the address.
CREATE TABLE local_attempts (
	attempt_key  TEXT PRIMARY KEY,
	failures     BIGINT NOT NULL,
	last_at      BIGINT NOT NULL,
	locked_until BIGINT NOT NULL
);
CREATE INDEX local_attempts_age ON local_attempts (last_at);

-- One row: the key of those hashes, sealed.
CREATE TABLE local_attempts_key (
	one    BIGINT PRIMARY KEY CHECK (one = 1),
	sealed TEXT NOT NULL
);

-- +goose Down
DROP TABLE local_attempts_key;
DROP TABLE local_attempts;
DROP TABLE local_challenges;
DROP TABLE local_questions;
DROP TABLE local_recovery_codes;
DROP TABLE local_totp;
DROP TABLE local_passwords;
