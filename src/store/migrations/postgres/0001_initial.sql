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

-- Rewritten only when a state or a setting changes, never per partition. `job_text` is a column since
-- row-level security lets no condition on a function of ours near an index.
CREATE TABLE jobs (
    job_id BIGINT PRIMARY KEY,
    job_text TEXT NOT NULL GENERATED ALWAYS AS (servo_job_id(job_id)) STORED,
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
    completed_at_ms BIGINT,
    claims TEXT NOT NULL,
    FOREIGN KEY (asset_id, revision) REFERENCES asset_revisions
) WITH (fillfactor = 80);
CREATE INDEX jobs_by_text ON jobs (job_text);
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

-- --- reading the packed rows ----------------------------------------------------------------------
-- For people and for `servo sql`: work_ranges, done_ranges, partitions, partition_states show what is
-- packed, exact after every commit, the last as of checkpoints. Sets of indices are multiranges.

CREATE FUNCTION servo_time(ms BIGINT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(to_timestamp(ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || CASE WHEN ms % 1000 = 0 THEN '' ELSE '.' || to_char(ms % 1000, 'FM000') END || 'Z'
$$;

-- The other way round; NULL when it is no job's id.
CREATE FUNCTION servo_job(word TEXT) RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT job_id FROM jobs WHERE job_text = word';

CREATE FUNCTION servo_varint(bytes BYTEA, INOUT at INT, OUT value BIGINT)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    byte INT;
    shift INT := 0;
BEGIN
    value := 0;
    LOOP
        byte := get_byte(bytes, at);
        at := at + 1;
        value := value | ((byte & 127)::BIGINT << shift);
        EXIT WHEN byte < 128;
        shift := shift + 7;
    END LOOP;
END $$;

CREATE FUNCTION servo_signed(bytes BYTEA, INOUT at INT, OUT value BIGINT)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    v BIGINT;
BEGIN
    SELECT r.at, r.value INTO at, v FROM servo_varint(bytes, at) AS r;
    value := ((v >> 1) & 9223372036854775807) # (-(v & 1));
END $$;

-- Pairs of gap and length, `count` of them, beginning at index `reached`.
CREATE FUNCTION servo_pairs(bytes BYTEA, INOUT at INT, count BIGINT, reached BIGINT,
                            OUT runs INT8MULTIRANGE)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    gap BIGINT;
    length BIGINT;
    list INT8RANGE[] := '{}';
BEGIN
    FOR i IN 1..count LOOP
        SELECT r.at, r.value INTO at, gap FROM servo_varint(bytes, at) AS r;
        SELECT r.at, r.value INTO at, length FROM servo_varint(bytes, at) AS r;
        list := list || int8range(reached + gap, reached + gap + length);
        reached := reached + gap + length;
    END LOOP;
    SELECT coalesce(range_agg(r), '{}') INTO runs FROM unnest(list) AS r;
END $$;

-- A packed set of runs: codec, count, pairs.
CREATE FUNCTION servo_runs(bytes BYTEA) RETURNS INT8MULTIRANGE
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    count BIGINT;
BEGIN
    SELECT r.at, r.value INTO at, count FROM servo_varint(bytes, 1) AS r;
    RETURN (SELECT runs FROM servo_pairs(bytes, at, count, 0));
END $$;

CREATE FUNCTION servo_checkpoint(bytes BYTEA, OUT remaining INT8MULTIRANGE,
                                 OUT failed INT8MULTIRANGE, OUT skipped INT8MULTIRANGE,
                                 OUT cancelled INT8MULTIRANGE)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    length BIGINT;
    sets INT8MULTIRANGE[] := '{}';
BEGIN
    SELECT r.at INTO at FROM servo_varint(bytes, 0) AS r;
    FOR i IN 1..4 LOOP
        SELECT r.at, r.value INTO at, length FROM servo_varint(bytes, at) AS r;
        sets := sets || servo_runs(substring(bytes FROM at + 1 FOR length::INT));
        at := at + length::INT;
    END LOOP;
    remaining := sets[1];
    failed := sets[2];
    skipped := sets[3];
    cancelled := sets[4];
END $$;

-- The entries of a lease_log row in their order: what ends comes first. `numbers` are the columns of
-- `leases` in their order, of an end the first two alone; each is told as the difference from the one
-- of the entry before.
CREATE FUNCTION servo_lease_entries(payload BYTEA)
RETURNS TABLE (begun BOOLEAN, numbers BIGINT[], indices BYTEA)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    entries BIGINT;
    step BIGINT;
BEGIN
    SELECT r.at INTO at FROM servo_varint(payload, 0) AS r;
    FOREACH begun IN ARRAY ARRAY[FALSE, TRUE] LOOP
        numbers := array_fill(0::BIGINT, ARRAY[CASE WHEN begun THEN 12 ELSE 2 END]);
        SELECT r.at, r.value INTO at, entries FROM servo_varint(payload, at) AS r;
        FOR entry IN 1..entries LOOP
            FOR i IN 1..cardinality(numbers) LOOP
                SELECT r.at, r.value INTO at, step FROM servo_signed(payload, at) AS r;
                numbers[i] := numbers[i] + step;
            END LOOP;
            IF begun THEN
                SELECT r.at, r.value INTO at, step FROM servo_varint(payload, at) AS r;
                indices := substring(payload FROM at + 1 FOR step::INT);
                at := at + step::INT;
            END IF;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

-- The leases that are open, a row each grant of them. For sessions that see all tenants.
CREATE VIEW leases WITH (security_invoker = true) AS
SELECT n[1] AS lease_id, n[2] AS grant_number, n[3] AS tenant_id, n[4] AS job_id,
       n[5] AS session_id, n[6] AS executor_id, n[7] AS generation, n[8] AS attempt,
       n[9] AS token_base, n[10] AS first_position, n[11] AS deaths, n[12] AS granted_at_ms,
       (SELECT sum(upper(r) - lower(r))::BIGINT FROM unnest(servo_runs(indices)) AS r) AS partitions,
       indices
FROM (SELECT DISTINCT ON (e.numbers[1], e.numbers[2]) e.begun, e.numbers AS n, e.indices
      FROM lease_log AS l, servo_lease_entries(l.payload) AS e
      ORDER BY e.numbers[1], e.numbers[2], l.seq DESC, e.begun DESC) AS newest
WHERE begun;

-- The indices of a done_log row.
CREATE FUNCTION servo_done_runs(payload BYTEA, block BIGINT) RETURNS INT8MULTIRANGE
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    count BIGINT;
BEGIN
    SELECT r.at INTO at FROM servo_varint(payload, 1) AS r;  -- which columns follow
    SELECT r.at, r.value INTO at, count FROM servo_varint(payload, at) AS r;
    RETURN (SELECT runs FROM servo_pairs(payload, at, count, block * 4096));
END $$;

-- A column of a done_log row: base, width, offsets packed at that width (lowest bits first, all ones:
-- an exception), exceptions.
CREATE FUNCTION servo_column(bytes BYTEA, INOUT at INT, count INT, OUT items BIGINT[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    base BIGINT;
    width INT;
    field BIGINT;
    mark BIGINT;
    pending BIGINT := 0;
    held INT := 0;
    exception_at INT;
BEGIN
    SELECT r.at, r.value INTO at, base FROM servo_signed(bytes, at) AS r;
    width := get_byte(bytes, at);
    at := at + 1;
    IF width = 0 THEN
        items := array_fill(base, ARRAY[count]);
        RETURN;
    END IF;
    items := '{}';
    exception_at := at + (width * count + 7) / 8;
    mark := (1::BIGINT << width) - 1;
    FOR i IN 1..count LOOP
        WHILE held < width LOOP
            pending := pending | (get_byte(bytes, at)::BIGINT << held);
            at := at + 1;
            held := held + 8;
        END LOOP;
        field := pending & mark;
        pending := pending >> width;
        held := held - width;
        IF field = mark THEN
            SELECT r.at, r.value INTO exception_at, field FROM servo_signed(bytes, exception_at) AS r;
        END IF;
        items := items || (base + field);
    END LOOP;
    at := exception_at;
END $$;

-- The successful partitions of a done_log row.
CREATE FUNCTION servo_done_entries(payload BYTEA, block BIGINT)
RETURNS TABLE (idx BIGINT, attempt BIGINT, executor_id BIGINT, started_ms BIGINT, duration_us BIGINT)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    count BIGINT;
    runs INT8MULTIRANGE;
    indices BIGINT[];
    attempts BIGINT[] := '{}';
    executors BIGINT[] := '{}';
    one BIGINT;
    other BIGINT;
    length BIGINT;
    reached BIGINT;
    gaps BIGINT[];
    durations BIGINT[];
BEGIN
    SELECT r.at INTO at FROM servo_varint(payload, 1) AS r;
    SELECT r.at, r.value INTO at, count FROM servo_varint(payload, at) AS r;
    SELECT r.at, r.runs INTO at, runs FROM servo_pairs(payload, at, count, block * 4096) AS r;
    SELECT array_agg(i ORDER BY i) INTO indices
    FROM unnest(runs) AS run, generate_series(lower(run), upper(run) - 1) AS i;
    IF indices IS NULL THEN
        RETURN;
    END IF;
    SELECT r.at, r.value INTO at, count FROM servo_varint(payload, at) AS r;
    FOR i IN 1..count LOOP
        SELECT r.at, r.value INTO at, one FROM servo_signed(payload, at) AS r;
        SELECT r.at, r.value INTO at, other FROM servo_signed(payload, at) AS r;
        SELECT r.at, r.value INTO at, length FROM servo_varint(payload, at) AS r;
        attempts := attempts || array_fill(one, ARRAY[length::INT]);
        executors := executors || array_fill(other, ARRAY[length::INT]);
    END LOOP;
    SELECT r.at, r.value INTO at, reached FROM servo_signed(payload, at) AS r;
    SELECT r.at, r.items INTO at, gaps FROM servo_column(payload, at, cardinality(indices)) AS r;
    SELECT r.at, r.items INTO at, durations FROM servo_column(payload, at, cardinality(indices)) AS r;
    FOR i IN 1..cardinality(indices) LOOP
        idx := indices[i];
        attempt := attempts[i];
        executor_id := executors[i];
        started_ms := reached + gaps[i];
        duration_us := durations[i];
        reached := started_ms + duration_us / 1000;
        RETURN NEXT;
    END LOOP;
END $$;

-- Where each index of a job stands: its checkpoint, and later rows on top.
CREATE FUNCTION servo_job_sets(wanted BIGINT, OUT to_do INT8MULTIRANGE, OUT leased INT8MULTIRANGE,
                               OUT failed INT8MULTIRANGE, OUT skipped INT8MULTIRANGE,
                               OUT cancelled INT8MULTIRANGE)
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    job RECORD;
    covers BIGINT := 0;
    later INT8MULTIRANGE;
    finally INT8MULTIRANGE;
    ended INT8MULTIRANGE;
    finished INT8MULTIRANGE;
BEGIN
    SELECT total, state INTO job FROM jobs WHERE job_id = wanted;
    SELECT c.covers_seq, s.remaining, s.failed, s.skipped, s.cancelled
    INTO covers, to_do, failed, skipped, cancelled
    FROM job_checkpoints AS c, servo_checkpoint(c.progress) AS s WHERE c.job_id = wanted;
    IF NOT FOUND THEN
        covers := 0;
        to_do := int8multirange(int8range(0, job.total));
        failed := '{}';
        skipped := '{}';
        cancelled := '{}';
    END IF;
    SELECT coalesce(range_agg(servo_done_runs(payload, block)), '{}') INTO later
    FROM done_log WHERE job_id = wanted AND seq > covers;
    SELECT coalesce(range_agg(int8range(idx, idx + 1)) FILTER (WHERE final = 1), '{}'),
           coalesce(range_agg(int8range(idx, idx + 1)) FILTER (WHERE final = 0), '{}')
    INTO finally, ended FROM partition_failures WHERE job_id = wanted AND seq > covers;
    IF job.state <> 'cancelling' THEN  -- then what failed runs again
        ended := '{}';
    END IF;
    to_do := to_do - later - finally - ended;
    failed := failed + finally;
    cancelled := cancelled + ended;
    finished := int8multirange(int8range(0, greatest(job.total, 1))) - to_do;
    SELECT coalesce(range_agg(g.runs - finished - coalesce((
               SELECT range_agg(int8range(f.idx, f.idx + 1)) FROM partition_failures AS f
               WHERE f.job_id = wanted AND f.token >= l.token_base AND f.token < l.token_base + (
                   SELECT sum(upper(r) - lower(r)) FROM unnest(g.runs) AS r)), '{}')), '{}')
    INTO leased FROM leases AS l, LATERAL (SELECT servo_runs(l.indices) AS runs) AS g
    WHERE l.job_id = wanted;
    to_do := to_do - leased;
END $$;

CREATE VIEW work_ranges WITH (security_invoker = true) AS
SELECT j.tenant_id, j.job_text AS job_id, s.state, lower(run) AS first, upper(run) - 1 AS last,
       upper(run) - lower(run) AS partitions
FROM jobs AS j, servo_job_sets(j.job_id) AS sets,
     LATERAL (VALUES ('to_do', sets.to_do), ('leased', sets.leased), ('failed', sets.failed),
                     ('skipped', sets.skipped), ('cancelled', sets.cancelled)) AS s (state, runs),
     LATERAL unnest(s.runs) AS run;

CREATE VIEW done_ranges WITH (security_invoker = true) AS
SELECT j.tenant_id, j.job_text AS job_id, lower(run) AS first, upper(run) - 1 AS last,
       upper(run) - lower(run) AS partitions
FROM jobs AS j,
     LATERAL (SELECT range_agg(servo_done_runs(d.payload, d.block)) AS runs FROM done_log AS d
              WHERE d.job_id = j.job_id) AS done,
     LATERAL unnest(done.runs) AS run;

-- The key of a partition. NULL for schemes whose keys only Servo can write: products, cron.
CREATE FUNCTION servo_key(scheme JSONB, ordinal BIGINT) RETURNS TEXT
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    every TEXT := scheme ->> 'every';
    zone TEXT := coalesce(scheme ->> 'timezone', 'UTC');
    at TIMESTAMPTZ; local TIMESTAMP; off INTERVAL;
BEGIN
    IF jsonb_typeof(scheme) = 'array' OR scheme ? 'cron' OR scheme ? 'dimensions' THEN
        RETURN NULL;
    ELSIF scheme ? 'keys' THEN
        RETURN scheme -> 'keys' ->> ordinal::INT;
    ELSIF every = 'day' THEN
        RETURN to_char(DATE '1970-01-01' + ordinal::INT, 'YYYY-MM-DD');
    ELSIF every = 'week' THEN  -- 1970-01-01 was a Thursday; the week it is in has number 0
        RETURN to_char(DATE '1970-01-01' + 7 * ordinal::INT - ((3 - (array_position(ARRAY[
            'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'],
            coalesce(scheme ->> 'week_start', 'monday')) - 1) + 7) % 7), 'YYYY-MM-DD');
    ELSIF every = 'month' THEN
        RETURN to_char(DATE '1970-01-01' + make_interval(months => ordinal::INT), 'YYYY-MM');
    END IF;
    at := to_timestamp(ordinal * 60);
    local := at AT TIME ZONE zone;
    off := local - (at AT TIME ZONE 'UTC');
    RETURN to_char(local, CASE WHEN every ~ 'm$' THEN 'YYYY-MM-DD"T"HH24:MI'
                               ELSE 'YYYY-MM-DD"T"HH24' END)
        || CASE WHEN zone IN ('UTC', 'Etc/UTC', 'Z') THEN ''
                ELSE CASE WHEN off < INTERVAL '0' THEN '-' ELSE '+' END
                     || to_char(greatest(off, -off), 'HH24:MI') END;
END $$;

-- Ordinals of a job by index.
CREATE FUNCTION servo_ordinals(bytes BYTEA) RETURNS TABLE (idx BIGINT, ordinal BIGINT)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    entries BIGINT; repeats BIGINT; gap BIGINT; count BIGINT; stride BIGINT; last BIGINT;
    members BIGINT[] := '{}';
    begun BOOLEAN := FALSE;
BEGIN
    SELECT r.at, r.value INTO at, entries FROM servo_varint(bytes, 2) AS r;
    FOR e IN 1..entries LOOP
        SELECT r.at, r.value INTO at, repeats FROM servo_varint(bytes, at) AS r;
        IF begun THEN
            SELECT r.at, r.value INTO at, gap FROM servo_varint(bytes, at) AS r;
        ELSE
            SELECT r.at, r.value INTO at, gap FROM servo_signed(bytes, at) AS r;
            last := 0;
            begun := TRUE;
        END IF;
        SELECT r.at, r.value INTO at, count FROM servo_varint(bytes, at) AS r;
        SELECT r.at, r.value INTO at, stride FROM servo_varint(bytes, at) AS r;
        FOR i IN 1..repeats LOOP
            members := members || ARRAY(
                SELECT last + gap + k * stride FROM generate_series(0, count - 1) AS k ORDER BY k);
            last := last + gap + (count - 1) * stride;
        END LOOP;
    END LOOP;
    RETURN QUERY
    SELECT CASE WHEN get_byte(bytes, 1) = 1 THEN cardinality(members) - m.place ELSE m.place - 1 END,
           m.member
    FROM unnest(members) WITH ORDINALITY AS m (member, place);
END $$;

CREATE VIEW partitions WITH (security_invoker = true) AS
SELECT j.tenant_id, j.job_text AS job_id, o.idx, servo_key(rev.scheme, o.ordinal) AS key,
       CASE WHEN d.idx IS NOT NULL THEN 'completed'
            WHEN sets.failed @> o.idx THEN 'failed'
            WHEN sets.skipped @> o.idx THEN 'skipped'
            WHEN sets.cancelled @> o.idx THEN 'cancelled'
            WHEN sets.leased @> o.idx THEN 'leased'
            ELSE 'pending' END AS state,
       coalesce(d.attempt, f.attempt) AS attempt,
       servo_time(coalesce(d.started_ms, f.started_at_ms)) AS started_at,
       coalesce(d.duration_us / 1000, f.ended_at_ms - f.started_at_ms) AS duration_ms,
       coalesce(d.executor_id, f.executor_id) AS executor_id, f.class, f.message
FROM jobs AS j
JOIN job_ordinals AS packed USING (job_id)
CROSS JOIN LATERAL servo_job_sets(j.job_id) AS sets
CROSS JOIN LATERAL servo_ordinals(packed.ordinals) AS o
LEFT JOIN LATERAL (SELECT definition::jsonb -> 'partitions' AS scheme FROM asset_revisions AS r
                   WHERE r.asset_id = j.asset_id AND r.revision = j.revision) AS rev ON TRUE
LEFT JOIN LATERAL (SELECT e.* FROM done_log AS l, servo_done_entries(l.payload, l.block) AS e
                   WHERE l.job_id = j.job_id) AS d ON d.idx = o.idx
LEFT JOIN LATERAL (SELECT DISTINCT ON (p.idx) p.* FROM partition_failures AS p
                   WHERE p.job_id = j.job_id ORDER BY p.idx, p.failure_id DESC) AS f
    ON f.idx = o.idx;

-- The last outcome of each partition of an asset, as runs of equal outcome; a run ends where its
-- block of 4,096 ordinals does.
CREATE FUNCTION servo_states(bytes BYTEA, block BIGINT)
RETURNS TABLE (first BIGINT, last BIGINT, stride BIGINT, partitions BIGINT, outcome TEXT,
               job BIGINT, revision BIGINT, at_ms BIGINT)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    at INT;
    origins BIGINT;
    runs BIGINT;
    word BIGINT;
    changed BIGINT;
    gap BIGINT;
    reached BIGINT;
BEGIN
    job := 0;
    at_ms := 0;
    SELECT r.at INTO at FROM servo_varint(bytes, 0) AS r;
    SELECT r.at, r.value INTO at, origins FROM servo_varint(bytes, at) AS r;
    FOR o IN 1..origins LOOP
        SELECT r.at, r.value INTO at, word FROM servo_varint(bytes, at) AS r;
        outcome := (ARRAY['succeeded', 'failed', 'skipped'])[word + 1];
        SELECT r.at, r.value INTO at, changed FROM servo_signed(bytes, at) AS r;
        IF changed <> 0 THEN
            SELECT r.at, r.value INTO at, job FROM servo_signed(bytes, at) AS r;
        END IF;
        SELECT r.at, r.value INTO at, revision FROM servo_signed(bytes, at) AS r;
        SELECT r.at, r.value INTO at, word FROM servo_signed(bytes, at) AS r;
        at_ms := at_ms + word;
        SELECT r.at, r.value INTO at, runs FROM servo_varint(bytes, at) AS r;
        reached := 0;
        FOR k IN 1..runs LOOP
            SELECT r.at, r.value INTO at, gap FROM servo_varint(bytes, at) AS r;
            SELECT r.at, r.value INTO at, partitions FROM servo_varint(bytes, at) AS r;
            stride := 1;
            IF partitions > 1 THEN
                SELECT r.at, r.value INTO at, stride FROM servo_varint(bytes, at) AS r;
            END IF;
            first := block * 4096 + reached + gap;
            last := first + (partitions - 1) * stride;
            reached := last - block * 4096;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

CREATE VIEW partition_states WITH (security_invoker = true) AS
SELECT p.tenant_id, p.asset_id, s.first, s.last, s.stride, s.partitions, s.outcome,
       CASE WHEN s.job <> 0 THEN servo_job_id(s.job) END AS job_id, s.revision,
       servo_time(s.at_ms) AS at
FROM partition_state AS p, servo_states(p.runs, p.block) AS s;

CREATE VIEW time_spent WITH (security_invoker = true) AS
SELECT l.span, servo_time(l.at_ms) AS at, l.epoch, l.scope, who.key AS id,
       coalesce(CASE l.scope WHEN 'tenant' THEN (SELECT name FROM tenants WHERE tenant_id = n.id)
           WHEN 'asset' THEN (SELECT name FROM assets WHERE asset_id = n.id)
           WHEN 'executor' THEN (SELECT name FROM executors WHERE executor_id = n.id)
           WHEN 'pool' THEN (SELECT name FROM pools WHERE pool_id = n.id) END, who.key) AS name,
       spent.key AS word, spent.value::BIGINT AS amount
FROM ledger AS l, LATERAL json_each(l.entries::json) AS who,
     LATERAL json_each_text(who.value) AS spent,
     LATERAL (SELECT substring(who.key FROM '^[0-9]+')::BIGINT AS id) AS n;

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

-- Each table with a tenant_id that has no wall gets it. Last in every step that adds a table.
CREATE PROCEDURE servo_wall_tenants() LANGUAGE plpgsql AS $$
DECLARE
    one REGCLASS;
BEGIN
    FOR one IN
        SELECT c.oid FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attname = 'tenant_id' AND NOT a.attisdropped AND NOT c.relrowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', one);
        -- A scalar subquery runs once a statement, not once a row.
        EXECUTE format('CREATE POLICY tenant_rows ON %s USING ((SELECT servo_tenant()) IN (0, tenant_id))', one);
    END LOOP;
END $$;
CALL servo_wall_tenants();
