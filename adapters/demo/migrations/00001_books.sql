-- +goose Up
-- What the simulated case management system knows of a subject (a case, an upload, a notification): the sequence of
-- the last event that it made about it, and where it stands, JSON.
CREATE TABLE demo_books (
	subject  TEXT PRIMARY KEY,
	sequence BIGINT NOT NULL,
	standing TEXT NOT NULL
);
-- Events that were made, and that the portal has not answered for yet, in the order in which they were made.
CREATE TABLE demo_outgoing (
	number   INTEGER PRIMARY KEY AUTOINCREMENT,
	event_id TEXT NOT NULL UNIQUE,
	body     TEXT NOT NULL
);
-- The ids of the portal's messages that were dealt with.
CREATE TABLE demo_heard (
	message_id TEXT PRIMARY KEY
);
-- One row: how far the portal's file of messages was read. first is the SHA-256 of its first line, by which
-- the file is known under another name.
CREATE TABLE demo_place (
	one        BIGINT PRIMARY KEY CHECK (one = 1),
	first      TEXT NOT NULL,
	read_bytes BIGINT NOT NULL
);

-- +goose Down
DROP TABLE demo_place;
DROP TABLE demo_heard;
DROP TABLE demo_outgoing;
DROP TABLE demo_books;
