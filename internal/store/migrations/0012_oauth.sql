-- +goose Up
-- A session in which a client acts for a person: what it may do, and the browser's session in which it was let in.
ALTER TABLE sessions ADD COLUMN parent_id text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN delegation text NOT NULL DEFAULT '';
CREATE INDEX sessions_parent ON sessions (app_id, parent_id) WHERE ended_at = 0 AND parent_id <> '';

CREATE TABLE client_secrets (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL,
    client_id  text   NOT NULL,
    kind       text   NOT NULL,
    hash       bytea  NOT NULL UNIQUE,
    prefix     text   NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint NOT NULL,
    FOREIGN KEY (app_id, client_id) REFERENCES clients (app_id, id)
);
CREATE INDEX client_secrets_client ON client_secrets (app_id, client_id);

CREATE TABLE resources (
    id         text    NOT NULL PRIMARY KEY,
    app_id     text    NOT NULL REFERENCES apps (id),
    uri        text    NOT NULL,
    name       text    NOT NULL,
    scopes     text    NOT NULL,
    client_id  text    NOT NULL,
    token_ttl  bigint  NOT NULL,
    document   boolean NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    deleted_at bigint  NOT NULL
);
CREATE UNIQUE INDEX resources_uri ON resources (uri) WHERE deleted_at = 0;
CREATE INDEX resources_app ON resources (app_id, created_at, id);

CREATE TABLE consents (
    app_id     text   NOT NULL,
    user_id    text   NOT NULL,
    client_id  text   NOT NULL,
    scopes     text   NOT NULL,
    resources  text   NOT NULL,
    granted_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (app_id, user_id, client_id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, client_id) REFERENCES clients (app_id, id)
);

CREATE TABLE authorization_codes (
    hash         bytea  NOT NULL PRIMARY KEY,
    app_id       text   NOT NULL,
    client_id    text   NOT NULL,
    user_id      text   NOT NULL,
    parent_id    text   NOT NULL,
    issued_id    text   NOT NULL,
    redirect_uri text   NOT NULL,
    challenge    text   NOT NULL,
    nonce        text   NOT NULL,
    delegation   text   NOT NULL,
    amr          text   NOT NULL,
    auth_time    bigint NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    used_at      bigint NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, client_id) REFERENCES clients (app_id, id)
);
CREATE INDEX authorization_codes_user ON authorization_codes (app_id, user_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

CREATE TABLE device_authorizations (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL,
    client_id  text   NOT NULL,
    hash       bytea  NOT NULL UNIQUE,
    user_code  text   NOT NULL UNIQUE,
    delegation text   NOT NULL,
    status     text   NOT NULL,
    user_id    text   NOT NULL,
    session_id text   NOT NULL,
    amr        text   NOT NULL,
    auth_time  bigint NOT NULL,
    ip         text   NOT NULL,
    user_agent text   NOT NULL,
    poll_every bigint NOT NULL,
    polled_at  bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    FOREIGN KEY (app_id, client_id) REFERENCES clients (app_id, id)
);
CREATE INDEX device_authorizations_user ON device_authorizations (app_id, user_id);
CREATE INDEX device_authorizations_expiry ON device_authorizations (expires_at);

-- Identifiers that must not be taken again before they expire: of DPoP proofs, of assertions, of tokens that were revoked.
CREATE TABLE spent_ids (
    kind       text   NOT NULL,
    hash       bytea  NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (kind, hash)
);
CREATE INDEX spent_ids_expiry ON spent_ids (expires_at);

CREATE TABLE registration_tokens (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL REFERENCES apps (id),
    name       text   NOT NULL,
    hash       bytea  NOT NULL UNIQUE,
    uses_left  bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint NOT NULL
);
CREATE INDEX registration_tokens_app ON registration_tokens (app_id, created_at, id);

-- +goose Down
DROP TABLE registration_tokens;
DROP TABLE spent_ids;
DROP TABLE device_authorizations;
DROP TABLE authorization_codes;
DROP TABLE consents;
DROP TABLE resources;
DROP TABLE client_secrets;
DROP INDEX sessions_parent;
ALTER TABLE sessions DROP COLUMN delegation;
ALTER TABLE sessions DROP COLUMN parent_id;
