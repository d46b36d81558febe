-- servo: breaking
-- The first schema. Times are milliseconds since 1970 in UTC; NULL in an *_until or *_at column
-- means never. Every table of the domain has tenant_id; 0 stands for the whole installation.

-- One row: whether the last process ended cleanly.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    clean INTEGER NOT NULL CHECK (clean IN (0, 1)),
    created_at_ms INTEGER NOT NULL
) STRICT;

-- One row: who leads, and where it is reached; gone once it gave up.
CREATE TABLE leader (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    url TEXT NOT NULL,
    gone INTEGER NOT NULL CHECK (gone IN (0, 1))
) STRICT;
INSERT INTO leader (id, epoch, holder, url, gone) VALUES (1, 0, '', '', 1);

-- One row a commit; the oldest are dropped.
CREATE TABLE batches (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    now_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE tenants (
    tenant_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    weight INTEGER NOT NULL,
    max_concurrency INTEGER NOT NULL,
    max_pending INTEGER NOT NULL,
    override_weight INTEGER,
    override_max_concurrency INTEGER,
    override_max_pending INTEGER,
    override_by TEXT NOT NULL,
    override_reason TEXT NOT NULL,
    override_since_ms INTEGER,
    override_until_ms INTEGER,
    created_at_ms INTEGER NOT NULL
) STRICT;

-- Removed pools stay, so that their ids are never given again.
CREATE TABLE pools (
    pool_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('shared', 'tenant')),
    concurrency INTEGER NOT NULL,
    per_tenant_concurrency INTEGER NOT NULL,
    windows TEXT NOT NULL,
    checks TEXT NOT NULL,
    contact TEXT NOT NULL,
    held INTEGER NOT NULL CHECK (held IN (0, 1)),
    hold_by TEXT NOT NULL,
    hold_reason TEXT NOT NULL,
    hold_since_ms INTEGER,
    hold_until_ms INTEGER,
    concurrency_override INTEGER,
    override_by TEXT NOT NULL,
    override_reason TEXT NOT NULL,
    override_since_ms INTEGER,
    override_until_ms INTEGER,
    breaker TEXT NOT NULL CHECK (breaker IN ('closed', 'open', 'ramping')),
    breaker_since_ms INTEGER,
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX pools_by_name ON pools (tenant_id, name) WHERE removed = 0;

CREATE TABLE assets (
    asset_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    latest_revision INTEGER NOT NULL,
    archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
    -- 1: a person marked partitions as missing at some time, so that a log may have what no state has.
    marked_missing INTEGER NOT NULL CHECK (marked_missing IN (0, 1)),
    concurrency_override INTEGER,
    override_by TEXT NOT NULL,
    override_reason TEXT NOT NULL,
    override_since_ms INTEGER,
    override_until_ms INTEGER,
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE asset_revisions (
    asset_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    definition TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    code_dir TEXT NOT NULL,
    PRIMARY KEY (asset_id, revision)
) STRICT;

CREATE TABLE executors (
    executor_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    build TEXT NOT NULL,
    slots INTEGER NOT NULL,
    last_registered_at_ms INTEGER NOT NULL,
    drain_wanted INTEGER NOT NULL CHECK (drain_wanted IN (0, 1)),
    presence TEXT NOT NULL CHECK (presence IN ('present', 'lost', 'left')),
    last_seen_at_ms INTEGER NOT NULL,
    missing_slots INTEGER NOT NULL  -- of a lost one: those that nobody took the place of
) STRICT;

-- Who may call the API. Of the secret only its SHA-256 is kept; ended tokens stay for the record.
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (
        role IN ('admin', 'tenant-admin', 'tenant-read', 'executor', 'metrics')),
    labels TEXT NOT NULL,  -- name=value, one a line; those that an executor may register with
    secret_sha256 TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_at_ms INTEGER
) STRICT;

-- Rewritten only when a state or a setting changes, never per partition.
CREATE TABLE jobs (
    job_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    wants_latest INTEGER NOT NULL,  -- 1: takes the latest revision once nothing of it is leased
    total INTEGER NOT NULL,
    keys_fingerprint INTEGER NOT NULL,
    reprocess TEXT NOT NULL CHECK (reprocess IN ('missing', 'failed', 'stale', 'all')),
    overlap TEXT NOT NULL CHECK (overlap IN ('reject', 'wait', 'skip')),
    range_start TEXT NOT NULL,
    range_end TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    traceparent TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    deadline_ms INTEGER,
    max_concurrency INTEGER NOT NULL,
    max_failures_count INTEGER NOT NULL,
    max_failures_percent INTEGER NOT NULL,
    max_failures_percent_after INTEGER NOT NULL,
    timeout_ms INTEGER,
    memory_bytes INTEGER,
    max_attempts INTEGER,
    temporary_settings TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'pending', 'waiting_upstream', 'running', 'paused', 'resuming', 'cancelling',
        'completed', 'failed', 'cancelled')),
    state_reason TEXT NOT NULL,
    state_note TEXT NOT NULL,
    state_by TEXT NOT NULL,
    state_since_ms INTEGER NOT NULL,
    resume_at_ms INTEGER,
    waits_for INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    started_at_ms INTEGER,
    completed_at_ms INTEGER,
    claims TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_time ON jobs (created_at_ms, job_id);
CREATE INDEX jobs_by_tenant ON jobs (tenant_id, created_at_ms, job_id);
CREATE INDEX jobs_by_group ON jobs (group_id, created_at_ms) WHERE group_id != 0;
CREATE INDEX jobs_open ON jobs (job_id) WHERE completed_at_ms IS NULL;
CREATE INDEX jobs_ended ON jobs (completed_at_ms) WHERE completed_at_ms IS NOT NULL;

-- [0, total) → ordinals, packed; written once.
CREATE TABLE job_ordinals (
    job_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    ordinals BLOB NOT NULL
) STRICT;

-- The truth about a job as of batch covers_seq; rows of later batches are applied on top of it.
CREATE TABLE job_checkpoints (
    job_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    covers_seq INTEGER NOT NULL,
    progress BLOB NOT NULL
) STRICT;

-- The open leases, as a log; rows of several tenants are in one. `leases` unpacks it.
CREATE TABLE lease_log (
    seq INTEGER PRIMARY KEY,  -- of the batch
    tenant_id INTEGER NOT NULL CHECK (tenant_id = 0),
    whole INTEGER NOT NULL,   -- 1: all that is open after the batch; nothing before it counts
    payload BLOB NOT NULL
) STRICT;

-- One row: what one batch finished in one block of 4,096 indices of a job. The checksum is the last
-- part of the payload.
CREATE TABLE done_log (
    done_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    block INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX done_log_place ON done_log (job_id, block, seq);

-- One row a failed attempt. idx is the index in the job.
CREATE TABLE partition_failures (
    failure_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    token INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    class TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    retry_at_ms INTEGER,
    next_attempt INTEGER NOT NULL,
    first_failed_at_ms INTEGER,
    exit_code INTEGER NOT NULL,
    message TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER NOT NULL,
    executor_id INTEGER NOT NULL,
    max_rss_kb INTEGER NOT NULL,
    cpu_us INTEGER NOT NULL
) STRICT;
CREATE INDEX failures_by_job ON partition_failures (job_id, seq, failure_id);
CREATE INDEX failures_by_index ON partition_failures (job_id, idx);

CREATE TABLE partition_logs (
    log_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    bytes_total INTEGER NOT NULL,
    tail BLOB NOT NULL -- text, packed when that is shorter (base/packed_text.h)
) STRICT;
CREATE INDEX logs_by_index ON partition_logs (job_id, idx);

-- Last outcome of each partition of an asset, packed per 4,096 ordinals.
CREATE TABLE partition_state (
    state_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    asset_id INTEGER NOT NULL,
    block INTEGER NOT NULL,
    runs BLOB NOT NULL,
    UNIQUE (asset_id, block)
) STRICT;

CREATE TABLE duration_stats (
    asset_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    tenant_id INTEGER NOT NULL,
    stats BLOB NOT NULL,
    PRIMARY KEY (asset_id, revision)
) STRICT;

-- Audit and timeline; append-only.
CREATE TABLE events (
    event_id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_tenant ON events (tenant_id);
CREATE INDEX events_by_subject ON events (subject);

CREATE TABLE idempotency (
    tenant_id INTEGER NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    http_status INTEGER NOT NULL,
    reply TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, route, key)
) STRICT;
CREATE INDEX idempotency_by_time ON idempotency (at_ms);

-- What time was spent on: one row a minute or hour, leader and scope. Entries are JSON, by id and
-- word: {"12": {"slot.down": 60000}}, in ms or counts; "12/3" is revision 3 of asset 12, "-" nobody,
-- "other" those beyond the cap. Several tenants are in one row.
CREATE TABLE ledger (
    span TEXT NOT NULL CHECK (span IN ('minute', 'hour')),
    at_ms INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('all', 'tenant', 'asset', 'executor', 'pool')),
    tenant_id INTEGER NOT NULL CHECK (tenant_id = 0),
    entries TEXT NOT NULL,
    PRIMARY KEY (span, at_ms, epoch, scope)
) STRICT, WITHOUT ROWID;
