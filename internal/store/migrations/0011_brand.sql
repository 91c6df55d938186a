-- +goose Up
-- The logo of an app. What else belongs to its looks stands in the settings of the app, the hash of the image too.
CREATE TABLE app_logos (
    app_id     text   NOT NULL PRIMARY KEY REFERENCES apps (id),
    type       text   NOT NULL,
    image      bytea  NOT NULL,
    created_at bigint NOT NULL
);

-- +goose Down
DROP TABLE app_logos;
