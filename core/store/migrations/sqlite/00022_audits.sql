-- +goose Up

-- The audit trail (core/audit): rows are only ever added. Each hash covers the
-- one before and the row; audit_heads has one row, which writers lock.
CREATE TABLE audits (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id         BIGINT,
    user_type       TEXT,
    user_name       TEXT,
    action          TEXT NOT NULL,
    auditable_type  TEXT NOT NULL,
    auditable_id    BIGINT NOT NULL,
    auditable_name  TEXT,
    associated_type TEXT,
    associated_id   BIGINT,
    associated_name TEXT,
    audited_changes TEXT NOT NULL, -- JSON
    version         BIGINT NOT NULL, -- of the record
    comment         TEXT,
    remote_address  TEXT,
    request_uuid    TEXT,
    hash            TEXT NOT NULL,
    created_at      TEXT,
    updated_at      TEXT
);
CREATE INDEX audits_of ON audits (auditable_type, auditable_id, version);
CREATE INDEX audits_created ON audits (created_at);

CREATE TABLE audit_heads (
    id    INTEGER PRIMARY KEY,
    last  BIGINT NOT NULL, -- id of the last audit
    count BIGINT NOT NULL,
    hash  TEXT NOT NULL, -- of the last audit
    seal  TEXT NOT NULL  -- covers count and hash
);
INSERT INTO audit_heads (id, last, count, hash, seal) VALUES (1, 0, 0, '', '');

-- +goose Down
DROP TABLE audit_heads;
DROP TABLE audits;
