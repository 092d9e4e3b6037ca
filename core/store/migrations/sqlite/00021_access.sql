-- +goose Up

-- Who may do what (core/access): users, roles, filters and permissions are
-- nouns; the other tables are not, and keep times as microseconds since 1970.
CREATE TABLE users (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,
    login                   TEXT NOT NULL,
    login_key               TEXT NOT NULL UNIQUE, -- in lower case
    firstname               TEXT,
    lastname                TEXT,
    mail                    TEXT,
    mail_enabled            BOOLEAN NOT NULL,
    admin                   BOOLEAN NOT NULL,
    disabled                BOOLEAN NOT NULL,
    timezone                TEXT,
    locale                  TEXT,
    description             TEXT,
    last_login_on           TEXT,
    password                TEXT, -- argon2id, sealed
    default_organization_id BIGINT,
    default_location_id     BIGINT,
    created_at              TEXT,
    updated_at              TEXT
);

CREATE TABLE roles (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT NOT NULL UNIQUE,
    description    TEXT,
    builtin        BIGINT NOT NULL,
    origin         TEXT, -- locks the role
    cloned_from_id BIGINT REFERENCES roles (id),
    created_at     TEXT,
    updated_at     TEXT
);

CREATE TABLE user_roles (
    user_id BIGINT NOT NULL REFERENCES users (id),
    role_id BIGINT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles (role_id);

CREATE TABLE permissions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    resource_type TEXT,
    created_at    TEXT,
    updated_at    TEXT
);

CREATE TABLE filters (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    role_id       BIGINT NOT NULL REFERENCES roles (id),
    search        TEXT,
    resource_type TEXT,
    override      BOOLEAN NOT NULL,
    created_at    TEXT,
    updated_at    TEXT
);
CREATE INDEX filters_role ON filters (role_id);

CREATE TABLE filter_permissions (
    filter_id     BIGINT NOT NULL REFERENCES filters (id),
    permission_id BIGINT NOT NULL REFERENCES permissions (id),
    PRIMARY KEY (filter_id, permission_id)
);
CREATE INDEX filter_permissions_permission ON filter_permissions (permission_id);

CREATE TABLE sessions (
    id       TEXT PRIMARY KEY, -- digest of the cookie
    user_id  BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    stamp    TEXT NOT NULL, -- digest of the password's hash
    api      SMALLINT NOT NULL,
    remote   TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    current  TEXT NOT NULL -- JSON
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_seen ON sessions (seen_at);

CREATE TABLE login_attempts (
    id    TEXT PRIMARY KEY, -- "account …" or "address …"
    tries BIGINT NOT NULL,
    since BIGINT NOT NULL
);
CREATE INDEX login_attempts_since ON login_attempts (since);

CREATE TABLE personal_access_tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    digest       BLOB NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    revoked      SMALLINT NOT NULL,
    created_at   BIGINT NOT NULL,
    UNIQUE (user_id, digest)
);

-- +goose Down
DROP TABLE personal_access_tokens;
DROP TABLE login_attempts;
DROP TABLE sessions;
DROP TABLE filter_permissions;
DROP TABLE filters;
DROP TABLE permissions;
DROP TABLE user_roles;
DROP TABLE roles;
DROP TABLE users;
