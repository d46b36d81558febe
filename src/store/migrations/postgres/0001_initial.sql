-- servo: breaking
-- The first schema, as of SQLite's step of this number. Times are milliseconds since 1970 in UTC; NULL in an *_until or *_at column
-- means never. Every table of the domain has tenant_id; 0 stands for the whole installation.

-- One row: who leads, and where it is reached; gone once it gave up. Commits hold it FOR SHARE while
-- they write under their epoch. The backend is that of the leader's connection; 0: behind a pooler,
-- where it says nothing.
CREATE TABLE leader (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    url TEXT NOT NULL,
    gone BIGINT NOT NULL CHECK (gone IN (0, 1)),
    backend_pid BIGINT NOT NULL,
    backend_start_us BIGINT NOT NULL
);
INSERT INTO leader VALUES (1, 0, '', '', 1, 0, 0);

-- One row: the leader's pulse. Apart, so that it never waits for a commit of the leader's own.
CREATE TABLE leader_beat (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL,
    beat BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO leader_beat VALUES (1, 0, 0);

-- One row a commit; the oldest are dropped.
CREATE TABLE batches (
    seq BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL,
    now_ms BIGINT NOT NULL
);

CREATE TABLE tenants (
    tenant_id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    weight BIGINT NOT NULL,
    max_concurrency BIGINT NOT NULL,
    max_pending BIGINT NOT NULL,
    override_weight BIGINT,
    override_max_concurrency BIGINT,
    override_max_pending BIGINT,
    override_by TEXT NOT NULL,
    override_reason TEXT NOT NULL,
    override_since_ms BIGINT,
    override_until_ms BIGINT,
    created_at_ms BIGINT NOT NULL
);

-- Removed pools stay, so that their ids are never given again.
CREATE TABLE pools (
    pool_id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('shared', 'tenant')),
    concurrency BIGINT NOT NULL,
    per_tenant_concurrency BIGINT NOT NULL,
    windows TEXT NOT NULL,
    contact TEXT NOT NULL,
    held BIGINT NOT NULL CHECK (held IN (0, 1)),
    hold_by TEXT NOT NULL,
    hold_reason TEXT NOT NULL,
    hold_since_ms BIGINT,
    hold_until_ms BIGINT,
    concurrency_override BIGINT,
    override_by TEXT NOT NULL,
    override_reason TEXT NOT NULL,
    override_since_ms BIGINT,
    override_until_ms BIGINT,
    breaker TEXT NOT NULL CHECK (breaker IN ('closed', 'open', 'ramping')),
    breaker_since_ms BIGINT,
    removed BIGINT NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
);
CREATE UNIQUE INDEX pools_by_name ON pools (tenant_id, name) WHERE removed = 0;

CREATE TABLE assets (
    asset_id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    latest_revision BIGINT NOT NULL,
    archived BIGINT NOT NULL CHECK (archived IN (0, 1)),
    concurrency_override BIGINT,
    override_by TEXT NOT NULL,
    override_reason TEXT NOT NULL,
    override_since_ms BIGINT,
    override_until_ms BIGINT,
    UNIQUE (tenant_id, name)
);

CREATE TABLE asset_revisions (
    asset_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    definition TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    code_dir TEXT NOT NULL,
    PRIMARY KEY (asset_id, revision)
);

CREATE TABLE executors (
    executor_id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL DEFAULT 0,
    name TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    build TEXT NOT NULL,
    slots BIGINT NOT NULL,
    last_registered_at_ms BIGINT NOT NULL,
    drain_wanted BIGINT NOT NULL CHECK (drain_wanted IN (0, 1))
);

-- Rewritten only when a state or a setting changes, never per partition.
CREATE TABLE jobs (
    job_id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    total BIGINT NOT NULL,
    keys_fingerprint BIGINT NOT NULL,
    reprocess TEXT NOT NULL CHECK (reprocess IN ('missing', 'failed', 'stale', 'all')),
    overlap TEXT NOT NULL CHECK (overlap IN ('reject', 'wait', 'skip')),
    range_start TEXT NOT NULL,
    range_end TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    deadline_ms BIGINT,
    max_concurrency BIGINT NOT NULL,
    max_failures_count BIGINT NOT NULL,
    max_failures_percent BIGINT NOT NULL,
    max_failures_percent_after BIGINT NOT NULL,
    timeout_ms BIGINT,
    memory_bytes BIGINT,
    max_attempts BIGINT,
    state TEXT NOT NULL CHECK (state IN (
        'pending', 'waiting_upstream', 'running', 'paused', 'resuming', 'cancelling',
        'completed', 'failed', 'cancelled')),
    state_reason TEXT NOT NULL,
    state_note TEXT NOT NULL,
    state_by TEXT NOT NULL,
    state_since_ms BIGINT NOT NULL,
    resume_at_ms BIGINT,
    waits_for BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    started_at_ms BIGINT,
    completed_at_ms BIGINT,
    FOREIGN KEY (asset_id, revision) REFERENCES asset_revisions
) WITH (fillfactor = 80);
CREATE INDEX jobs_by_time ON jobs (created_at_ms, job_id);
CREATE INDEX jobs_by_tenant ON jobs (tenant_id, created_at_ms, job_id);
CREATE INDEX jobs_by_group ON jobs (group_id, created_at_ms) WHERE group_id != 0;
CREATE INDEX jobs_open ON jobs (job_id) WHERE state NOT IN ('completed', 'failed', 'cancelled');
CREATE INDEX jobs_ended ON jobs (completed_at_ms) WHERE completed_at_ms IS NOT NULL;

-- [0, total) → ordinals, packed; written once.
CREATE TABLE job_ordinals (
    job_id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    ordinals BYTEA NOT NULL
);

-- The truth about a job as of batch covers_seq; rows of later batches are applied on top of it.
CREATE TABLE job_checkpoints (
    job_id BIGINT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    covers_seq BIGINT NOT NULL,
    progress BYTEA NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);

-- One row a live grant.
CREATE TABLE leases (
    lease_id BIGINT NOT NULL,
    grant_number BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    session_id BIGINT NOT NULL,
    executor_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    token_base BIGINT NOT NULL,
    first_position BIGINT NOT NULL,
    deaths BIGINT NOT NULL,
    indices BYTEA NOT NULL,
    granted_at_ms BIGINT NOT NULL,
    PRIMARY KEY (lease_id, grant_number)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX leases_by_job ON leases (job_id);

-- One row: what one batch finished in one block of 4,096 indices of a job. The checksum is the last
-- part of the payload.
CREATE TABLE done_log (
    tenant_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    block INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    codec SMALLINT NOT NULL,
    payload BYTEA NOT NULL,
    PRIMARY KEY (job_id, block, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
-- Packed already: not worth a second attempt.
ALTER TABLE done_log ALTER COLUMN payload SET STORAGE EXTERNAL;

-- One row a failed attempt. idx is the index in the job.
CREATE TABLE partition_failures (
    failure_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    token BIGINT NOT NULL,
    deaths BIGINT NOT NULL,
    class TEXT NOT NULL,
    final BIGINT NOT NULL CHECK (final IN (0, 1)),
    retry_at_ms BIGINT,
    next_attempt BIGINT NOT NULL,
    first_failed_at_ms BIGINT,
    exit_code BIGINT NOT NULL,
    message TEXT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT NOT NULL,
    executor_id BIGINT NOT NULL,
    max_rss_kb BIGINT NOT NULL,
    cpu_us BIGINT NOT NULL
);
CREATE INDEX failures_by_job ON partition_failures (job_id, seq, failure_id);
CREATE INDEX failures_by_index ON partition_failures (job_id, idx);

CREATE TABLE partition_logs (
    log_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    idx BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    bytes_total BIGINT NOT NULL,
    tail BYTEA NOT NULL
);
CREATE INDEX logs_by_index ON partition_logs (job_id, idx);

-- Last outcome of each partition of an asset, packed per 4,096 ordinals.
CREATE TABLE partition_state (
    tenant_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    block BIGINT NOT NULL,
    runs BYTEA NOT NULL,
    PRIMARY KEY (asset_id, block)
) WITH (fillfactor = 70);
ALTER TABLE partition_state ALTER COLUMN runs SET STORAGE EXTERNAL;

CREATE TABLE duration_stats (
    asset_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    stats BYTEA NOT NULL,
    PRIMARY KEY (asset_id, revision)
);

-- Audit and timeline; append-only.
CREATE TABLE events (
    event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX events_by_tenant ON events (tenant_id);
CREATE INDEX events_by_subject ON events (subject);

CREATE TABLE idempotency (
    tenant_id BIGINT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    http_status BIGINT NOT NULL,
    reply TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, route, key)
);
CREATE INDEX idempotency_by_time ON idempotency (at_ms);

-- First in every transaction of the leader: its epoch is still the newest, and stays so until the
-- transaction ends.
CREATE FUNCTION servo_hold_epoch(wanted BIGINT) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held BIGINT;
BEGIN
    SELECT epoch INTO held FROM leader WHERE id = 1 FOR SHARE;
    IF held IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION 'epoch % was taken over by epoch %', wanted, held USING ERRCODE = 'SV001';
    END IF;
END $$;

-- The first statement of a commit: the same, and the batch must follow the last one.
CREATE FUNCTION servo_add_batch(batch_epoch BIGINT, batch_seq BIGINT, batch_now_ms BIGINT)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
BEGIN
    PERFORM servo_hold_epoch(batch_epoch);
    SELECT coalesce(max(seq), 0) INTO last FROM batches;
    IF batch_seq <> last + 1 THEN
        RAISE EXCEPTION 'batch % does not follow %', batch_seq, last USING ERRCODE = 'SV002';
    END IF;
    INSERT INTO batches (seq, epoch, now_ms) VALUES (batch_seq, batch_epoch, batch_now_ms);
END $$;
