-- +goose Up
-- Who made a client: '' an administrator, 'dynamic' itself with an initial token, 'document' itself by a document at its
-- client id. Each has a bound of its own, so that strangers leave no administrator without room.
ALTER TABLE clients ADD COLUMN origin text NOT NULL DEFAULT '';
CREATE INDEX clients_origin ON clients (app_id, origin) WHERE deleted_at = 0;

-- +goose Down
DROP INDEX clients_origin;
ALTER TABLE clients DROP COLUMN origin;
