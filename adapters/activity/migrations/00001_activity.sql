-- +goose Up
-- What people and programs did, one row each, numbered without gaps. Times are microseconds UTC.
-- Each row's chain is the SHA-256 of the chain before it and of the row, so that a row that was
-- changed or taken out shows.
CREATE TABLE activities (
	seq       BIGINT PRIMARY KEY,
	at        BIGINT NOT NULL,
	kind      TEXT NOT NULL,
	actor     TEXT NOT NULL,
	account   TEXT NOT NULL,
	address   TEXT NOT NULL,
	operation TEXT NOT NULL,
	subject   TEXT NOT NULL,
	frns      TEXT NOT NULL,
	failed    BOOLEAN NOT NULL,
	code      TEXT NOT NULL,
	detail    TEXT NOT NULL,
	chain     TEXT NOT NULL
);
CREATE INDEX activities_actor ON activities (actor, seq);
CREATE INDEX activities_kind ON activities (kind, seq);
CREATE INDEX activities_at ON activities (at);

-- One row: the end of the log, and what retention has taken from its beginning. Whatever is older
-- than purge_before may be deleted, and nothing else.
CREATE TABLE activity_ends (
	id           BIGINT PRIMARY KEY,
	last_seq     BIGINT NOT NULL,
	last_chain   TEXT NOT NULL,
	first_seq    BIGINT NOT NULL,
	first_chain  TEXT NOT NULL,
	purge_before BIGINT NOT NULL
);
INSERT INTO activity_ends (id, last_seq, last_chain, first_seq, first_chain, purge_before) VALUES (1, 0, '', 1, '', 0);

-- How far each forwarding has come.
CREATE TABLE activity_forwarded (
	target TEXT PRIMARY KEY,
	seq    BIGINT NOT NULL
);

-- +goose Down
DROP TABLE activity_forwarded;
DROP TABLE activity_ends;
DROP TABLE activities;
