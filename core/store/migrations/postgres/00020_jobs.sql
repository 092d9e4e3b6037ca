-- +goose Up

-- Durable plans (core/job). Times are microseconds since 1970, NULL for "not
-- yet"; truth values are 0 and 1.
CREATE TABLE job_plans (
    id             TEXT PRIMARY KEY,
    kind           TEXT NOT NULL,
    label          TEXT NOT NULL,
    subject        TEXT NOT NULL,
    active_subject TEXT UNIQUE, -- the subject while the plan is its active one
    actor          TEXT NOT NULL,
    request_id     TEXT NOT NULL,
    state          TEXT NOT NULL,
    cancelled      SMALLINT NOT NULL,
    failure        TEXT NOT NULL, -- JSON, or empty
    created_at     BIGINT NOT NULL,
    started_at     BIGINT,
    ended_at       BIGINT,
    wake_at        BIGINT -- when an engine should look again
);

CREATE INDEX job_plans_wake ON job_plans (wake_at);
CREATE INDEX job_plans_subject ON job_plans (subject, id);
CREATE INDEX job_plans_ended ON job_plans (ended_at);

CREATE TABLE job_steps (
    plan_id    TEXT NOT NULL REFERENCES job_plans (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    args       TEXT NOT NULL, -- JSON
    priority   INTEGER NOT NULL,
    needs      TEXT NOT NULL, -- JSON list of positions
    optional   SMALLINT NOT NULL,
    post       SMALLINT NOT NULL,
    most       INTEGER NOT NULL,
    timeout    BIGINT NOT NULL, -- microseconds
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    touched    SMALLINT NOT NULL,
    undos      INTEGER NOT NULL,
    begun      INTEGER NOT NULL, -- order of beginning
    next_at    BIGINT,
    failure    TEXT NOT NULL, -- JSON, or empty
    output     TEXT NOT NULL,
    started_at BIGINT,
    ended_at   BIGINT,
    owner      TEXT NOT NULL, -- holder of the lease, or empty
    fence      BIGINT NOT NULL, -- grows with each claim
    beat       BIGINT NOT NULL, -- grows with each heartbeat
    PRIMARY KEY (plan_id, position)
);

CREATE INDEX job_steps_leases ON job_steps (owner) WHERE owner <> '';

-- +goose Down
DROP TABLE job_steps;
DROP TABLE job_plans;
