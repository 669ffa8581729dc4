-- +goose Up
-- How often the kind of credential was voided before this one was enrolled.
ALTER TABLE local_passwords ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE local_totp ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE local_totp ADD COLUMN pending_generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE local_questions ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE local_questions DROP COLUMN generation;
ALTER TABLE local_totp DROP COLUMN pending_generation;
ALTER TABLE local_totp DROP COLUMN generation;
ALTER TABLE local_passwords DROP COLUMN generation;
