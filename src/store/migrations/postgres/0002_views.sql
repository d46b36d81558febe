-- servo: compatible
-- Reading the packed rows.
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
    SELECT total, state, completed_at_ms INTO job FROM jobs WHERE job_id = wanted;
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
    WHERE l.job_id = wanted AND job.completed_at_ms IS NULL;
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
