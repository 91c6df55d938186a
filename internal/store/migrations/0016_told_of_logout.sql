-- +goose Up
-- Who is told of the end of a session: every client that was let in there, whatever became of what it was given.
DROP INDEX sessions_parent;
CREATE INDEX sessions_parent ON sessions (app_id, parent_id) WHERE parent_id <> '';

-- +goose Down
DROP INDEX sessions_parent;
CREATE INDEX sessions_parent ON sessions (app_id, parent_id) WHERE ended_at = 0 AND parent_id <> '';
