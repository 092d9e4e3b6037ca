-- +goose Up
-- What a node's facts say of installed packages: each package once, and who has it.
CREATE TABLE packages (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    provider TEXT NOT NULL,
    UNIQUE (name, version, provider)
);

CREATE TABLE node_packages (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    package_id BIGINT NOT NULL REFERENCES packages (id) ON DELETE CASCADE,
    PRIMARY KEY (node_id, package_id)
);
CREATE INDEX node_packages_package ON node_packages (package_id);

-- What a catalog was made from, as the compiler told.
CREATE TABLE catalog_inputs (
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (node_id, type, name)
);
CREATE INDEX catalog_inputs_name ON catalog_inputs (name, type);

ALTER TABLE nodes ADD COLUMN inputs_uuid TEXT;
ALTER TABLE nodes ADD COLUMN inputs_timestamp BIGINT;
-- Whether silence of the node makes it expire; null is yes.
ALTER TABLE nodes ADD COLUMN expires_facts INTEGER;
ALTER TABLE nodes ADD COLUMN expires_facts_updated BIGINT;

-- +goose Down
ALTER TABLE nodes DROP COLUMN expires_facts_updated;
ALTER TABLE nodes DROP COLUMN expires_facts;
ALTER TABLE nodes DROP COLUMN inputs_timestamp;
ALTER TABLE nodes DROP COLUMN inputs_uuid;
DROP TABLE catalog_inputs;
DROP TABLE node_packages;
DROP TABLE packages;
