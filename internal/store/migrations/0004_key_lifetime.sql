-- +goose Up
-- For how long a key was made, in microseconds; 0: it does not expire. Refreshing a key grants that span again.
ALTER TABLE api_keys ADD COLUMN lifetime bigint NOT NULL DEFAULT 0;
UPDATE api_keys SET lifetime = expires_at - created_at WHERE expires_at > 0;

-- +goose Down
ALTER TABLE api_keys DROP COLUMN lifetime;
