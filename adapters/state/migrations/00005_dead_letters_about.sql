-- +goose Up
-- The stream of the case or business that a letter says something private of: its key seals the letter, and its
-- erasure takes the letter along. It is not stream where a message answers an upload or a notification.
ALTER TABLE dead_letters ADD COLUMN about TEXT NOT NULL DEFAULT '';
UPDATE dead_letters SET about = stream;

-- +goose Down
ALTER TABLE dead_letters DROP COLUMN about;
