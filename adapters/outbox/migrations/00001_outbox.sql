-- +goose Up
-- Messages that are kept back: the first of a case could not be published, and the others wait behind it. Nothing of what
-- they say stands here: they are made anew of their events. Times are microseconds UTC, 0 = none. case_key is what is
-- kept in order, mostly a case's reference; major and minor are the event's position. resolved_reason is sealed.
CREATE TABLE outbox_parked (
	outbox          TEXT NOT NULL,
	event_id        TEXT NOT NULL,
	case_key        TEXT NOT NULL,
	type            TEXT NOT NULL,
	stream          TEXT NOT NULL,
	revision        BIGINT NOT NULL,
	major           BIGINT NOT NULL,
	minor           BIGINT NOT NULL,
	status          TEXT NOT NULL,
	fault           TEXT NOT NULL,
	attempts        BIGINT NOT NULL,
	due_at          BIGINT NOT NULL,
	parked_at       BIGINT NOT NULL,
	resolved_by     TEXT NOT NULL,
	resolved_reason TEXT NOT NULL,
	resolved_at     BIGINT NOT NULL,
	PRIMARY KEY (outbox, event_id)
);
CREATE INDEX outbox_parked_by_case ON outbox_parked (outbox, case_key, major, minor);
CREATE INDEX outbox_parked_by_due ON outbox_parked (outbox, status, due_at);

-- +goose Down
DROP TABLE outbox_parked;
