-- +goose Up
CREATE TABLE build_events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    host_id  BIGINT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    stage    TEXT NOT NULL,
    at       BIGINT NOT NULL, -- milliseconds since 1970
    text     TEXT NOT NULL,
    address  TEXT NOT NULL,
    bytes    BIGINT NOT NULL,
    took     BIGINT NOT NULL, -- microseconds
    failure  TEXT NOT NULL
);
CREATE INDEX build_events_host ON build_events (host_id, at);


-- +goose Down
DROP TABLE build_events;
