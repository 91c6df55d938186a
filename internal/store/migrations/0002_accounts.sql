-- +goose Up
-- Accounts and who belongs to them, ways in (invites, codes, waitlists), credits, and clients that were deleted.

-- A deleted client keeps its row, disabled, for sessions and other rows name it.
ALTER TABLE clients ADD COLUMN deleted_at bigint NOT NULL DEFAULT 0;
CREATE INDEX clients_app ON clients (app_id, created_at, id);

CREATE TABLE accounts (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL REFERENCES apps (id),
    parent_id  text,
    name       text   NOT NULL,
    avatar_url text   NOT NULL,
    status     text   NOT NULL,
    paid_until bigint NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (app_id, id),
    FOREIGN KEY (app_id, parent_id) REFERENCES accounts (app_id, id)
);
CREATE INDEX accounts_app ON accounts (app_id, created_at, id);

CREATE TABLE memberships (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL,
    account_id text   NOT NULL,
    user_id    text   NOT NULL,
    role       text   NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (app_id, account_id, user_id),
    FOREIGN KEY (app_id, account_id) REFERENCES accounts (app_id, id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
CREATE INDEX memberships_user ON memberships (app_id, user_id, created_at, id);
CREATE INDEX memberships_account ON memberships (app_id, account_id, created_at, id);

-- The account that a session acts for; empty: none. No reference: a session outlives its membership until a refresh.
ALTER TABLE sessions ADD COLUMN account_id text NOT NULL DEFAULT '';

-- An invite by mail. Its secret is a proof of kind invite that names the row. account_id is NULL for one to the app.
CREATE TABLE invites (
    id          text   NOT NULL PRIMARY KEY,
    app_id      text   NOT NULL REFERENCES apps (id),
    account_id  text,
    email       text   NOT NULL,
    canonical   text   NOT NULL,
    role        text   NOT NULL,
    inviter_id  text   NOT NULL,
    created_at  bigint NOT NULL,
    expires_at  bigint NOT NULL,
    accepted_at bigint NOT NULL,
    accepted_by text   NOT NULL,
    revoked_at  bigint NOT NULL,
    UNIQUE (app_id, id),
    FOREIGN KEY (app_id, account_id) REFERENCES accounts (app_id, id)
);
CREATE INDEX invites_app ON invites (app_id, created_at, id);
CREATE INDEX invites_account ON invites (app_id, account_id, created_at, id);

CREATE TABLE invite_codes (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL REFERENCES apps (id),
    code       text   NOT NULL,
    canonical  text   NOT NULL,
    uses       bigint NOT NULL,
    used       bigint NOT NULL,
    credit     bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint NOT NULL,
    UNIQUE (app_id, canonical)
);
CREATE INDEX invite_codes_app ON invite_codes (app_id, created_at, id);

-- Amounts are millionths. granted is the part of the balance that was given for nothing.
CREATE TABLE credits (
    user_id    text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL,
    balance    bigint NOT NULL,
    granted    bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);

-- subject is who waits: the account, else the user, else (of a sign-up) the canonical address.
CREATE TABLE waitlist_entries (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL REFERENCES apps (id),
    feature    text   NOT NULL,
    subject    text   NOT NULL,
    account_id text   NOT NULL,
    user_id    text   NOT NULL,
    email      text   NOT NULL,
    status     text   NOT NULL,
    created_at bigint NOT NULL,
    decided_at bigint NOT NULL,
    UNIQUE (app_id, feature, subject)
);
CREATE INDEX waitlist_entries_subject ON waitlist_entries (app_id, subject, created_at, id);
CREATE INDEX waitlist_entries_app ON waitlist_entries (app_id, created_at, id);

-- +goose Down
DROP TABLE waitlist_entries;
DROP TABLE credits;
DROP TABLE invite_codes;
DROP TABLE invites;
ALTER TABLE sessions DROP COLUMN account_id;
DROP TABLE memberships;
DROP TABLE accounts;
DROP INDEX clients_app;
ALTER TABLE clients DROP COLUMN deleted_at;
