-- +goose Up
-- Connections to identity providers, and who at one of them is which user.

CREATE TABLE providers (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL REFERENCES apps (id),
    name       text   NOT NULL,
    kind       text   NOT NULL,
    status     text   NOT NULL,
    settings   text   NOT NULL,
    sealed     bytea  NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (app_id, id),
    UNIQUE (app_id, name)
);

-- The key is the connection, the issuer and the subject: never an address (SECURITY FD-01).
CREATE TABLE identities (
    id           text   NOT NULL PRIMARY KEY,
    app_id       text   NOT NULL,
    user_id      text   NOT NULL,
    provider_id  text   NOT NULL,
    issuer       text   NOT NULL,
    subject      text   NOT NULL,
    email        text   NOT NULL,
    username     text   NOT NULL,
    created_at   bigint NOT NULL,
    last_used_at bigint NOT NULL,
    UNIQUE (app_id, provider_id, issuer, subject),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, provider_id) REFERENCES providers (app_id, id)
);
CREATE INDEX identities_user ON identities (app_id, user_id, created_at, id);

-- +goose Down
DROP TABLE identities;
DROP TABLE providers;
