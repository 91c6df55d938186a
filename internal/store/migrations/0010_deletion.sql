-- +goose Up
-- When a user is erased; 0: never. Until then the deletion can be taken back.
ALTER TABLE users ADD COLUMN delete_at bigint NOT NULL DEFAULT 0;
CREATE INDEX users_delete ON users (delete_at) WHERE delete_at > 0;
-- An accepted invite holds the address of who accepted it, and goes with them.
CREATE INDEX invites_accepted ON invites (app_id, accepted_by) WHERE accepted_at > 0;
CREATE INDEX waitlist_entries_user ON waitlist_entries (app_id, user_id);

-- +goose Down
DROP INDEX waitlist_entries_user;
DROP INDEX invites_accepted;
DROP INDEX users_delete;
ALTER TABLE users DROP COLUMN delete_at;
