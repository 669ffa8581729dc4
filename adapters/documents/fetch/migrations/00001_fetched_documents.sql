-- +goose Up
-- A published document that is, or is to be, in the store under id. fetched_at is 0 until all of it is there. Times are
-- microseconds UTC. document and sha256 are those under which the case management system published it.
CREATE TABLE fetched_documents (
	id         TEXT PRIMARY KEY,
	case_ref   TEXT NOT NULL,
	document   TEXT NOT NULL,
	sha256     TEXT NOT NULL,
	begun_at   BIGINT NOT NULL,
	fetched_at BIGINT NOT NULL,
	used_at    BIGINT NOT NULL
);
CREATE INDEX fetched_documents_by_case ON fetched_documents (case_ref, document, sha256);
CREATE INDEX fetched_documents_by_use ON fetched_documents (used_at);

-- +goose Down
DROP TABLE fetched_documents;
