-- +goose Up
-- The name under which authenticators know a user: random, and the same for all passkeys of the user.
CREATE TABLE passkey_handles (
    user_id text  NOT NULL PRIMARY KEY,
    app_id  text  NOT NULL,
    handle  bytea NOT NULL UNIQUE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);

CREATE TABLE passkeys (
    id              text    NOT NULL PRIMARY KEY,
    app_id          text    NOT NULL,
    user_id         text    NOT NULL,
    credential_id   bytea   NOT NULL UNIQUE,
    public_key      bytea   NOT NULL,
    name            text    NOT NULL,
    aaguid          text    NOT NULL,
    transports      text    NOT NULL,
    sign_count      bigint  NOT NULL,
    backup_eligible boolean NOT NULL,
    backed_up       boolean NOT NULL,
    created_at      bigint  NOT NULL,
    last_used_at    bigint  NOT NULL,
    cloned_at       bigint  NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
CREATE INDEX passkeys_user ON passkeys (app_id, user_id);

-- +goose Down
DROP TABLE passkeys;
DROP TABLE passkey_handles;
