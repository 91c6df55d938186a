-- +goose Up
CREATE INDEX proofs_cancel_email ON proofs (app_id, email) WHERE kind = 'cancel-email-change';

-- +goose Down
DROP INDEX proofs_cancel_email;
