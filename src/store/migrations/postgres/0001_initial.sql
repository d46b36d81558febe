-- servo: breaking
-- The first schema, as of SQLite's step of this number. Times are milliseconds since 1970 in UTC; NULL in an *_until or *_at column
-- means never. Every table of the domain has tenant_id; 0 stands for the whole installation.

-- One row: who leads, and where it is reached; gone once it gave up. Commits hold it FOR SHARE while
-- they write under their epoch. The backend is that of the leader's connection, 0 behind a pooler.
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

-- One row: a name that a copy of this database, such as a replica, has as well, and no other.
CREATE TABLE installation (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL
);
INSERT INTO installation VALUES (1, gen_random_uuid()::text);

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
    checks TEXT NOT NULL,
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
    -- 1: a person marked partitions as missing at some time, so that a log may have what no state has.
    marked_missing BIGINT NOT NULL CHECK (marked_missing IN (0, 1)),
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
    drain_wanted BIGINT NOT NULL CHECK (drain_wanted IN (0, 1)),
    presence TEXT NOT NULL CHECK (presence IN ('present', 'lost', 'left')),
    last_seen_at_ms BIGINT NOT NULL,
    missing_slots BIGINT NOT NULL  -- of a lost one: those that nobody took the place of
);

-- Who may call the API. Of the secret only its SHA-256 is kept; ended tokens stay for the record.
CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (
        role IN ('admin', 'tenant-admin', 'tenant-read', 'executor', 'metrics')),
    labels TEXT NOT NULL,  -- name=value, one a line; those that an executor may register with
    secret_sha256 TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT
);

-- bf_ and 16 characters: 63 bits of the id and a zero, the cell, a CRC-8.
CREATE FUNCTION servo_job_id(id BIGINT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT
AS $$
DECLARE
    bits BIT(72) := (id::BIT(64) << 1)::BIT(72);
    whole BIT(80);
    crc INT := 255;
    word TEXT := 'bf_';
BEGIN
    FOR byte IN 0..8 LOOP
        crc := crc # substring(bits FROM 8 * byte + 1 FOR 8)::INT;
        FOR bit IN 1..8 LOOP
            crc := CASE WHEN crc & 128 <> 0 THEN ((crc << 1) # 47) & 255 ELSE crc << 1 END;
        END LOOP;
    END LOOP;
    whole := bits || crc::BIT(8);
    FOR at IN 0..15 LOOP
        word := word || substr('0123456789abcdefghjkmnpqrstvwxyz',
                               substring(whole FROM 5 * at + 1 FOR 5)::INT + 1, 1);
    END LOOP;
    RETURN word;
END $$;

-- Rewritten only when a state or a setting changes, never per partition; no index has the state, so that
-- its changes touch none. `job_text` is a column since row-level security lets no condition on a
-- function of ours near an index.
CREATE TABLE jobs (
    job_id BIGINT PRIMARY KEY,
    job_text TEXT NOT NULL GENERATED ALWAYS AS (servo_job_id(job_id)) STORED,
    tenant_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    wants_latest BIGINT NOT NULL,  -- 1: takes the latest revision once nothing of it is leased
    total BIGINT NOT NULL,
    keys_fingerprint BIGINT NOT NULL,
    reprocess TEXT NOT NULL CHECK (reprocess IN ('missing', 'failed', 'stale', 'all')),
    overlap TEXT NOT NULL CHECK (overlap IN ('reject', 'wait', 'skip')),
    range_start TEXT NOT NULL,
    range_end TEXT NOT NULL,
    note TEXT NOT NULL,
    created_by TEXT NOT NULL,
    traceparent TEXT NOT NULL,
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
    temporary_settings TEXT NOT NULL,
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
    completed_at_ms BIGINT,  -- NULL: open
    claims TEXT NOT NULL,
    FOREIGN KEY (asset_id, revision) REFERENCES asset_revisions
) WITH (fillfactor = 80);
CREATE INDEX jobs_by_text ON jobs (job_text);
CREATE INDEX jobs_by_time ON jobs (created_at_ms, job_id);
CREATE INDEX jobs_by_tenant ON jobs (tenant_id, created_at_ms, job_id);
CREATE INDEX jobs_by_group ON jobs (group_id, created_at_ms) WHERE group_id != 0;
CREATE INDEX jobs_open ON jobs (job_id) WHERE completed_at_ms IS NULL;
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

-- The open leases, as a log; rows of several tenants are in one. `leases` unpacks it.
CREATE TABLE lease_log (
    seq BIGINT PRIMARY KEY,   -- of the batch
    tenant_id BIGINT NOT NULL CHECK (tenant_id = 0),
    whole BIGINT NOT NULL,    -- 1: all that is open after the batch; nothing before it counts
    payload BYTEA NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Packed already: not worth a second attempt.
ALTER TABLE lease_log ALTER COLUMN payload SET STORAGE EXTERNAL;

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
    tail BYTEA NOT NULL -- text, packed when that is shorter (base/packed_text.h)
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

-- What time was spent on; several tenants are in one row.
CREATE TABLE ledger (
    span TEXT NOT NULL CHECK (span IN ('minute', 'hour')),
    at_ms BIGINT NOT NULL, epoch BIGINT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('all', 'tenant', 'asset', 'executor', 'pool')),
    tenant_id BIGINT NOT NULL CHECK (tenant_id = 0),
    entries TEXT NOT NULL,
    PRIMARY KEY (span, at_ms, epoch, scope)
);

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

-- The first statement of a commit: the same, and the batch must follow the last one. What it granted
-- or ended is its row of lease_log, none when empty; with leases_from the row is whole, and those
-- from there on go.
CREATE FUNCTION servo_add_batch(batch_epoch BIGINT, batch_seq BIGINT, batch_now_ms BIGINT,
                                leases BYTEA, leases_from BIGINT)
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
    IF leases_from IS NOT NULL THEN
        DELETE FROM lease_log WHERE seq >= leases_from AND seq < batch_seq;
    END IF;
    IF leases <> '' THEN
        INSERT INTO lease_log (seq, tenant_id, whole, payload)
        VALUES (batch_seq, 0, (leases_from IS NOT NULL)::INT, leases);
    END IF;
END $$;

-- --- the wall between tenants ---------------------------------------------------------------------
-- Servo asks for one tenant's rows where one tenant asks; this holds where such a condition was
-- forgotten. Also for the owner of the tables, so that one role does for a whole installation. A
-- superuser or a role with BYPASSRLS goes around it.

-- Whose rows the transaction sees and writes: 0 all, NULL nobody's, as when nothing was set.
CREATE FUNCTION servo_tenant() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE current_setting('servo.tenant', true)
        WHEN 'all' THEN 0
        WHEN '' THEN NULL
        ELSE nullif(current_setting('servo.tenant', true)::bigint, 0)
    END
$$;

-- The tables with a tenant_id whose wall is not there or not whole: row-level security that holds
-- for their owner as well, and its policy.
CREATE FUNCTION servo_unwalled_tables() RETURNS SETOF REGCLASS LANGUAGE sql STABLE AS $$
    SELECT c.oid::regclass FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND a.attname = 'tenant_id' AND NOT a.attisdropped
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity
               AND EXISTS (SELECT FROM pg_policy
                           WHERE polrelid = c.oid AND polname = 'tenant_rows'))
    ORDER BY c.relname
$$;

-- Gives each of them its wall. Last in every step that adds a table.
CREATE PROCEDURE servo_wall_tenants() LANGUAGE plpgsql AS $$
DECLARE
    one REGCLASS;
BEGIN
    FOR one IN SELECT servo_unwalled_tables() LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', one);
        EXECUTE format('DROP POLICY IF EXISTS tenant_rows ON %s', one);
        -- A scalar subquery runs once a statement, not once a row.
        EXECUTE format('CREATE POLICY tenant_rows ON %s USING ((SELECT servo_tenant()) IN (0, tenant_id))', one);
    END LOOP;
END $$;
CALL servo_wall_tenants();
