-- +goose Up
-- Times are milliseconds since 1970, UTC.
CREATE TABLE nodes (
    id INTEGER PRIMARY KEY,
    certname TEXT  NOT NULL UNIQUE,
    deactivated BIGINT,
    expired BIGINT,
    latest_report_id BIGINT,
    latest_report_timestamp BIGINT
);

CREATE TABLE factsets (
    node_id BIGINT PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    environment TEXT  NOT NULL,
    producer TEXT ,
    received BIGINT NOT NULL,
    producer_timestamp BIGINT NOT NULL,
    hash TEXT NOT NULL,
    facts TEXT NOT NULL
);

CREATE TABLE facts (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT  NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (node_id, name)
);
CREATE INDEX facts_name ON facts (name, node_id);

CREATE TABLE catalogs (
    node_id BIGINT PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    version TEXT  NOT NULL,
    environment TEXT  NOT NULL,
    hash TEXT NOT NULL,
    transaction_uuid TEXT,
    catalog_uuid TEXT,
    code_id TEXT,
    job_id TEXT,
    producer TEXT ,
    received BIGINT NOT NULL,
    producer_timestamp BIGINT NOT NULL
);

CREATE TABLE resources (
    id INTEGER PRIMARY KEY,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    type TEXT  NOT NULL,
    title TEXT  NOT NULL,
    tags TEXT NOT NULL,
    exported INTEGER NOT NULL,
    file TEXT ,
    line BIGINT,
    parameters TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (node_id, type, title)
);
CREATE INDEX resources_type ON resources (type, title);
CREATE INDEX resources_exported ON resources (type) WHERE exported = 1;

CREATE TABLE edges (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    relationship TEXT  NOT NULL,
    source_type TEXT  NOT NULL,
    source_title TEXT  NOT NULL,
    target_type TEXT  NOT NULL,
    target_title TEXT  NOT NULL
);
CREATE INDEX edges_node ON edges (node_id);

CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    puppet_version TEXT NOT NULL,
    report_format BIGINT NOT NULL,
    configuration_version TEXT  NOT NULL,
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    producer_timestamp BIGINT NOT NULL,
    receive_time BIGINT NOT NULL,
    producer TEXT ,
    environment TEXT  NOT NULL,
    status TEXT ,
    noop INTEGER,
    noop_pending INTEGER,
    transaction_uuid TEXT,
    catalog_uuid TEXT,
    code_id TEXT,
    job_id TEXT,
    cached_catalog_status TEXT ,
    type TEXT  NOT NULL,
    metrics TEXT NOT NULL,
    logs TEXT NOT NULL
);
CREATE INDEX reports_node ON reports (node_id, producer_timestamp);
CREATE INDEX reports_time ON reports (producer_timestamp);
CREATE INDEX reports_transaction ON reports (transaction_uuid);

CREATE TABLE events (
    report_id BIGINT NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    status TEXT  NOT NULL,
    timestamp BIGINT NOT NULL,
    resource_type TEXT  NOT NULL,
    resource_title TEXT  NOT NULL,
    name TEXT ,
    property TEXT ,
    new_value TEXT,
    old_value TEXT,
    message TEXT ,
    file TEXT ,
    line BIGINT,
    containment_path TEXT,
    containing_class TEXT 
);
CREATE INDEX events_report ON events (report_id);
CREATE INDEX events_time ON events (timestamp);

-- +goose Down
DROP TABLE events;
DROP TABLE reports;
DROP TABLE edges;
DROP TABLE resources;
DROP TABLE catalogs;
DROP TABLE facts;
DROP TABLE factsets;
DROP TABLE nodes;
