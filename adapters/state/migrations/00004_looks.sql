-- +goose Up
-- How far a person has seen a case's timeline. A bookmark of the person's, and gone with it. Times are microseconds UTC.
CREATE TABLE looks (
	person    TEXT NOT NULL, -- user id
	ref       TEXT NOT NULL,
	entry     BIGINT NOT NULL, -- the number of the last entry seen
	looked_at BIGINT NOT NULL,
	PRIMARY KEY (person, ref)
);
CREATE INDEX looks_by_time ON looks (person, looked_at);

-- +goose Down
DROP TABLE looks;
