-- One text for SQLite and PostgreSQL. Times are microseconds UTC since 1970, 0 = not yet.

-- +goose Up

-- One row, which every writer changes first: so the writers of all processes go one at a time.
CREATE TABLE keyring_state (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    current_version BIGINT NOT NULL, -- of the ring key that new data keys are wrapped under
    destructions    BIGINT NOT NULL, -- counts on whenever data keys are destroyed
    writes          BIGINT NOT NULL
);

-- Ring keys, each wrapped under the key-encryption key.
CREATE TABLE keyring_ring_keys (
    version      BIGINT NOT NULL PRIMARY KEY,
    wrapped      BYTEA  NOT NULL, -- empty once destroyed
    created_at   BIGINT NOT NULL,
    destroyed_at BIGINT NOT NULL DEFAULT 0
);

-- Data keys, each wrapped under a ring key. Rows stay for ever, so that what was destroyed stays
-- destroyed and its id is never given again.
CREATE TABLE keyring_keys (
    id           TEXT   NOT NULL PRIMARY KEY, -- the subject, with "#2", "#3" … for later generations
    subject      TEXT   NOT NULL,
    tree         TEXT   NOT NULL, -- the subject up to its first "/"
    generation   BIGINT NOT NULL,
    wrapped      BYTEA  NOT NULL, -- empty once destroyed
    ring_version BIGINT NOT NULL, -- 0 once destroyed
    created_at   BIGINT NOT NULL,
    destroyed_at BIGINT NOT NULL DEFAULT 0,
    destroyed_in BIGINT NOT NULL DEFAULT 0 -- the count of destructions then
);

CREATE INDEX keyring_keys_tree ON keyring_keys (tree);
CREATE INDEX keyring_keys_ring_version ON keyring_keys (ring_version);
CREATE INDEX keyring_keys_destroyed_in ON keyring_keys (destroyed_in) WHERE destroyed_in > 0;

-- +goose Down
DROP TABLE keyring_keys;
DROP TABLE keyring_ring_keys;
DROP TABLE keyring_state;
