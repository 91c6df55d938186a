-- +goose Up
-- Whether a client is in use is asked for every client that registered itself.
CREATE INDEX sessions_client ON sessions (app_id, client_id) WHERE ended_at = 0 AND delegation <> '';
CREATE INDEX consents_client ON consents (app_id, client_id);

-- +goose Down
DROP INDEX consents_client;
DROP INDEX sessions_client;
