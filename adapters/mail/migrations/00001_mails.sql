-- +goose Up
-- A mail that follows from an event, before and after it is sent. Nothing of the mail itself stands here: it is composed
-- when it is sent. Times are microseconds UTC, 0 = none. about is the id of the person or access request that it concerns,
-- '' while that is not known. resolved_reason is sealed. fence grows with each sender that takes the row.
CREATE TABLE mails (
	id              TEXT PRIMARY KEY,
	kind            TEXT NOT NULL,
	about           TEXT NOT NULL,
	stream          TEXT NOT NULL,
	revision        BIGINT NOT NULL,
	event_id        TEXT NOT NULL,
	position        TEXT NOT NULL,
	recorded_at     BIGINT NOT NULL,
	status          TEXT NOT NULL,
	attempts        BIGINT NOT NULL,
	fence           BIGINT NOT NULL,
	due_at          BIGINT NOT NULL,
	leased_until    BIGINT NOT NULL,
	fault           TEXT NOT NULL,
	queued_at       BIGINT NOT NULL,
	ended_at        BIGINT NOT NULL,
	resolved_by     TEXT NOT NULL,
	resolved_reason TEXT NOT NULL
);
CREATE INDEX mails_by_due ON mails (status, due_at, id);
CREATE INDEX mails_by_about ON mails (about);

-- +goose Down
DROP TABLE mails;
