-- +goose Up
-- One text for both engines. Times are microseconds since 1970 UTC, 0 means "never". Lists and objects are JSON
-- text. Every row of a noun carries its app, and every reference to another row of the app carries it too.

CREATE TABLE meta (
    name  text NOT NULL PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE apps (
    id          text   NOT NULL PRIMARY KEY,
    name        text   NOT NULL,
    status      text   NOT NULL,
    settings    text   NOT NULL,
    epoch       bigint NOT NULL,
    version     bigint NOT NULL,
    next_number bigint NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL
);

CREATE TABLE clients (
    id         text    NOT NULL PRIMARY KEY,
    app_id     text    NOT NULL REFERENCES apps (id),
    name       text    NOT NULL,
    is_default boolean NOT NULL,
    status     text    NOT NULL,
    settings   text    NOT NULL,
    created_at bigint  NOT NULL,
    updated_at bigint  NOT NULL,
    UNIQUE (app_id, id)
);
CREATE UNIQUE INDEX clients_default ON clients (app_id) WHERE is_default;

CREATE TABLE app_keys (
    id           text   NOT NULL PRIMARY KEY,
    app_id       text   NOT NULL REFERENCES apps (id),
    name         text   NOT NULL,
    prefix       text   NOT NULL,
    hash         bytea  NOT NULL UNIQUE,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    revoked_at   bigint NOT NULL,
    last_used_at bigint NOT NULL
);
CREATE INDEX app_keys_app ON app_keys (app_id, created_at, id);

CREATE TABLE users (
    id                 text    NOT NULL PRIMARY KEY,
    app_id             text    NOT NULL REFERENCES apps (id),
    number             bigint  NOT NULL,
    external_id        text,
    username           text    NOT NULL,
    username_canonical text,
    name               text    NOT NULL,
    given_name         text    NOT NULL,
    family_name        text    NOT NULL,
    locale             text    NOT NULL,
    role               text    NOT NULL,
    status             text    NOT NULL,
    attributes         text    NOT NULL,
    epoch              bigint  NOT NULL,
    version            bigint  NOT NULL,
    totp               boolean NOT NULL,
    created_at         bigint  NOT NULL,
    updated_at         bigint  NOT NULL,
    disabled_at        bigint  NOT NULL,
    UNIQUE (app_id, id),
    UNIQUE (app_id, number),
    UNIQUE (app_id, external_id),
    UNIQUE (app_id, username_canonical)
);

CREATE TABLE emails (
    id          text    NOT NULL PRIMARY KEY,
    app_id      text    NOT NULL,
    user_id     text    NOT NULL,
    address     text    NOT NULL,
    canonical   text    NOT NULL,
    is_primary  boolean NOT NULL,
    verified_at bigint  NOT NULL,
    created_at  bigint  NOT NULL,
    UNIQUE (app_id, canonical),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
CREATE INDEX emails_user ON emails (app_id, user_id);
CREATE UNIQUE INDEX emails_primary ON emails (app_id, user_id) WHERE is_primary;

CREATE TABLE passwords (
    user_id     text    NOT NULL PRIMARY KEY,
    app_id      text    NOT NULL,
    hash        text    NOT NULL,
    normaliser  bigint  NOT NULL,
    must_change boolean NOT NULL,
    changed_at  bigint  NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);

CREATE TABLE totps (
    id           text   NOT NULL PRIMARY KEY,
    app_id       text   NOT NULL,
    user_id      text   NOT NULL,
    sealed       bytea  NOT NULL,
    last_step    bigint NOT NULL,
    created_at   bigint NOT NULL,
    confirmed_at bigint NOT NULL,
    expires_at   bigint NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
CREATE UNIQUE INDEX totps_confirmed ON totps (app_id, user_id) WHERE confirmed_at > 0;
CREATE INDEX totps_user ON totps (app_id, user_id);

CREATE TABLE backup_codes (
    id      text   NOT NULL PRIMARY KEY,
    app_id  text   NOT NULL,
    user_id text   NOT NULL,
    hash    bytea  NOT NULL,
    used_at bigint NOT NULL,
    UNIQUE (app_id, user_id, hash),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);

CREATE TABLE sessions (
    id              text    NOT NULL PRIMARY KEY,
    app_id          text    NOT NULL,
    client_id       text    NOT NULL,
    user_id         text    NOT NULL,
    generation      bigint  NOT NULL,
    rotations       text    NOT NULL,
    salt            bytea   NOT NULL,
    cookie_hash     bytea   UNIQUE,
    amr             text    NOT NULL,
    auth_time       bigint  NOT NULL,
    step_up_at      bigint  NOT NULL,
    email_verified  boolean NOT NULL,
    user_epoch      bigint  NOT NULL,
    app_epoch       bigint  NOT NULL,
    ip              text    NOT NULL,
    user_agent      text    NOT NULL,
    device          text    NOT NULL,
    contract        text    NOT NULL,
    created_at      bigint  NOT NULL,
    last_seen_at    bigint  NOT NULL,
    idle_ttl        bigint  NOT NULL,
    idle_expires_at bigint  NOT NULL,
    expires_at      bigint  NOT NULL,
    ended_at        bigint  NOT NULL,
    end_reason      text    NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, client_id) REFERENCES clients (app_id, id)
);
CREATE INDEX sessions_user ON sessions (app_id, user_id, created_at, id);
CREATE INDEX sessions_idle ON sessions (idle_expires_at) WHERE ended_at = 0;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at > 0;

CREATE TABLE proofs (
    id         text   NOT NULL PRIMARY KEY,
    kind       text   NOT NULL,
    app_id     text   NOT NULL REFERENCES apps (id),
    client_id  text   NOT NULL,
    user_id    text   NOT NULL,
    session_id text   NOT NULL,
    email      text   NOT NULL,
    hash       bytea  NOT NULL UNIQUE,
    data       text   NOT NULL,
    attempts   bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint NOT NULL
);
CREATE INDEX proofs_user ON proofs (app_id, user_id, kind);
CREATE INDEX proofs_expiry ON proofs (expires_at);

CREATE TABLE api_keys (
    id             text    NOT NULL PRIMARY KEY,
    app_id         text    NOT NULL,
    user_id        text    NOT NULL,
    name           text    NOT NULL,
    prefix         text    NOT NULL,
    hash           bytea   NOT NULL UNIQUE,
    previous_hash  bytea   UNIQUE,
    previous_until bigint  NOT NULL,
    scopes         text    NOT NULL,
    session_id     text    NOT NULL,
    email_verified boolean NOT NULL,
    user_epoch     bigint  NOT NULL,
    created_at     bigint  NOT NULL,
    expires_at     bigint  NOT NULL,
    last_used_at   bigint  NOT NULL,
    revoked_at     bigint  NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
CREATE INDEX api_keys_user ON api_keys (app_id, user_id, created_at, id);
CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at > 0;
CREATE INDEX api_keys_expiry ON api_keys (expires_at) WHERE expires_at > 0;

CREATE TABLE events (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL,
    at         bigint NOT NULL,
    action     text   NOT NULL,
    outcome    text   NOT NULL,
    actor      text   NOT NULL,
    actor_kind text   NOT NULL,
    user_id    text   NOT NULL,
    session_id text   NOT NULL,
    target     text   NOT NULL,
    ip         text   NOT NULL,
    user_agent text   NOT NULL,
    request_id text   NOT NULL,
    data       text   NOT NULL,
    -- Set by the sealer alone: the place in the app's chain and the keyed link over this row and the one before.
    -- Until then link holds the keyed mark of the writer, so that the sealer takes nothing that others slipped in.
    seq        bigint,
    link       bytea,
    UNIQUE (app_id, seq)
);
CREATE INDEX events_unsealed ON events (at, id) WHERE seq IS NULL;
CREATE INDEX events_app ON events (app_id, at, id);
CREATE INDEX events_user ON events (app_id, user_id, at, id);

CREATE TABLE jobs (
    id          text   NOT NULL PRIMARY KEY,
    kind        text   NOT NULL,
    app_id      text   NOT NULL,
    payload     bytea  NOT NULL,
    state       text   NOT NULL,
    run_at      bigint NOT NULL,
    expires_at  bigint NOT NULL,
    attempts    bigint NOT NULL,
    owner       text   NOT NULL,
    lease_until bigint NOT NULL,
    version     bigint NOT NULL,
    last_error  text   NOT NULL,
    created_at  bigint NOT NULL,
    finished_at bigint NOT NULL
);
CREATE INDEX jobs_due ON jobs (kind, run_at, id) WHERE finished_at = 0;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at > 0;

CREATE TABLE budgets (
    name       text   NOT NULL,
    subject    text   NOT NULL,
    spent      bigint NOT NULL,
    resets_at  bigint NOT NULL,
    PRIMARY KEY (name, subject)
);
CREATE INDEX budgets_reset ON budgets (resets_at);

CREATE TABLE leases (
    name    text   NOT NULL PRIMARY KEY,
    owner   text   NOT NULL,
    until   bigint NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE signing_keys (
    id           text   NOT NULL PRIMARY KEY,
    algorithm    text   NOT NULL,
    sealed       bytea  NOT NULL,
    public_jwk   text   NOT NULL,
    created_at   bigint NOT NULL,
    activates_at bigint NOT NULL,
    retires_at   bigint NOT NULL,
    removed_at   bigint NOT NULL
);

-- Mails of the development inbox, which exists only without SMTP. The body is sealed, for it holds live links.
CREATE TABLE inbox_messages (
    id      text   NOT NULL PRIMARY KEY,
    sent_at bigint NOT NULL,
    sealed  bytea  NOT NULL
);
CREATE INDEX inbox_messages_sent ON inbox_messages (sent_at, id);

-- The app and the client that exist from the first migration. Their times are those of the epoch; the first
-- start does not change them.
INSERT INTO apps (id, name, status, settings, epoch, version, next_number, created_at, updated_at)
VALUES ('default', 'Ostiary', 'active',
        '{"attributes":{"company":{"type":"string","max_length":200,"writer":"user"},"plan":{"type":"string","max_length":50,"writer":"admin"}}}',
        1, 1, 1, 0, 0);
INSERT INTO clients (id, app_id, name, is_default, status, settings, created_at, updated_at)
VALUES ('default', 'default', 'Default client', true, 'active', '{}', 0, 0);

-- +goose Down
DROP TABLE inbox_messages;
DROP TABLE signing_keys;
DROP TABLE leases;
DROP TABLE budgets;
DROP TABLE jobs;
DROP TABLE events;
DROP TABLE api_keys;
DROP TABLE proofs;
DROP TABLE sessions;
DROP TABLE backup_codes;
DROP TABLE totps;
DROP TABLE passwords;
DROP TABLE emails;
DROP TABLE users;
DROP TABLE app_keys;
DROP TABLE clients;
DROP TABLE apps;
DROP TABLE meta;
