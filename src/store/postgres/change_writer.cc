#include "store/postgres/change_writer.h"

#include <fmt/format.h>

#include "model/job_id.h"
#include "store/claims_codec.h"
#include "store/pool_codec.h"
#include "store/postgres/adapter.h"
#include "store/settings_codec.h"
#include "store/sql/job_reader.h"
#include "store/sql/rows.h"

namespace servo::store::postgres {
namespace {

std::optional<int64_t> count_of(const std::optional<Millis>& value) {
    return value ? std::optional(int64_t{value->count()}) : std::nullopt;
}
std::string_view view(const std::string& text) {
    return text;
}

void add_tenant(Pipeline& out, const TenantRow& row) {
    const std::optional<TenantLimits>& over = row.override_limits;
    out.add(
        "INSERT INTO tenants (tenant_id, name, weight, max_concurrency, max_pending,"
        " override_weight, override_max_concurrency, override_max_pending, override_by,"
        " override_reason, override_since_ms, override_until_ms, created_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name, weight = excluded.weight,"
        " max_concurrency = excluded.max_concurrency, max_pending = excluded.max_pending,"
        " override_weight = excluded.override_weight,"
        " override_max_concurrency = excluded.override_max_concurrency,"
        " override_max_pending = excluded.override_max_pending,"
        " override_by = excluded.override_by, override_reason = excluded.override_reason,"
        " override_since_ms = excluded.override_since_ms,"
        " override_until_ms = excluded.override_until_ms",
        Params::of(
            row.id,
            view(row.name),
            row.limits.weight,
            row.limits.max_concurrency,
            row.limits.max_pending,
            over ? std::optional(int64_t{over->weight}) : std::nullopt,
            over ? std::optional(over->max_concurrency) : std::nullopt,
            over ? std::optional(over->max_pending) : std::nullopt,
            view(row.override_info.by),
            view(row.override_info.reason),
            row.override_info.since,
            row.override_info.until,
            row.created_at
        )
    );
}

void add_asset(Pipeline& out, const AssetHead& row) {
    out.add(
        "INSERT INTO assets (asset_id, tenant_id, name, latest_revision, archived,"
        " marked_missing, concurrency_override, override_by, override_reason, override_since_ms,"
        " override_until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (asset_id) DO UPDATE SET tenant_id = excluded.tenant_id,"
        " name = excluded.name, latest_revision = excluded.latest_revision,"
        " archived = excluded.archived, marked_missing = excluded.marked_missing,"
        " concurrency_override = excluded.concurrency_override,"
        " override_by = excluded.override_by, override_reason = excluded.override_reason,"
        " override_since_ms = excluded.override_since_ms,"
        " override_until_ms = excluded.override_until_ms",
        Params::of(
            row.id,
            row.tenant,
            view(row.name),
            row.latest_revision,
            row.archived,
            row.marked_missing,
            row.concurrency_override,
            view(row.override_info.by),
            view(row.override_info.reason),
            row.override_info.since,
            row.override_info.until
        )
    );
}

void add_revision(Pipeline& out, const AssetRevision& revision) {
    const std::string definition = encode_asset(revision.spec);
    out.add(
        "INSERT INTO asset_revisions (" SERVO_REVISION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
        Params::of(
            revision.asset,
            revision.revision,
            revision.tenant,
            view(definition),
            revision.created_at,
            view(revision.created_by),
            view(revision.code_dir)
        )
    );
}

void add_executor(Pipeline& out, const ExecutorRow& row) {
    out.add(
        "INSERT INTO executors (executor_id, name, host, build, slots, last_registered_at_ms,"
        " drain_wanted, tenant_id, presence, last_seen_at_ms, missing_slots)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (executor_id) DO UPDATE SET name = excluded.name, host = excluded.host,"
        " build = excluded.build, slots = excluded.slots,"
        " last_registered_at_ms = excluded.last_registered_at_ms,"
        " drain_wanted = excluded.drain_wanted, tenant_id = excluded.tenant_id,"
        " presence = excluded.presence, last_seen_at_ms = excluded.last_seen_at_ms,"
        " missing_slots = excluded.missing_slots",
        Params::of(
            row.id,
            view(row.name),
            view(row.host),
            view(row.build),
            row.slots,
            row.last_registered_at,
            row.drain_wanted,
            row.tenant,
            to_string(row.presence),
            row.last_seen_at,
            row.missing_slots
        )
    );
}

void add_token(Pipeline& out, const TokenRow& row) {
    const std::string labels = encode_labels(row.labels);
    out.add(
        "INSERT INTO tokens (" SERVO_TOKEN_COLUMNS
        ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (token_id) DO UPDATE SET expires_at_ms = excluded.expires_at_ms,"
        " revoked_at_ms = excluded.revoked_at_ms",
        Params::of(
            view(row.id),
            row.tenant,
            model::to_string(row.role),
            view(labels),
            view(row.secret_sha256),
            view(row.note),
            view(row.created_by),
            row.created_at,
            row.expires_at,
            row.revoked_at
        )
    );
}

constexpr sql::Sql kUpsertJobs =
    "INSERT INTO jobs (" SERVO_JOB_COLUMNS
    ") SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (job_id) DO UPDATE SET revision = excluded.revision,"
    " wants_latest = excluded.wants_latest,"
    " priority = excluded.priority, deadline_ms = excluded.deadline_ms,"
    " max_concurrency = excluded.max_concurrency,"
    " max_failures_count = excluded.max_failures_count,"
    " max_failures_percent = excluded.max_failures_percent,"
    " max_failures_percent_after = excluded.max_failures_percent_after,"
    " timeout_ms = excluded.timeout_ms, memory_bytes = excluded.memory_bytes,"
    " max_attempts = excluded.max_attempts,"
    " temporary_settings = excluded.temporary_settings, state = excluded.state,"
    " state_reason = excluded.state_reason, state_note = excluded.state_note,"
    " state_by = excluded.state_by, state_since_ms = excluded.state_since_ms,"
    " resume_at_ms = excluded.resume_at_ms, waits_for = excluded.waits_for,"
    " generation = excluded.generation, started_at_ms = excluded.started_at_ms,"
    " completed_at_ms = excluded.completed_at_ms, range_start = excluded.range_start,"
    " range_end = excluded.range_end, note = excluded.note, group_id = excluded.group_id,"
    " claims = excluded.claims";

}  // namespace

// --- before ------------------------------------------------------------------------------------

Status ChangeWriter::look_up(Connection& db, const ChangeSet& changes) {
    if (places_.size() > kPlacesMax) {
        places_.clear();
    }
    blocks_.clear();
    std::set<JobId> jobs;
    const auto want = [&](JobId id) {
        if (places_.count(id) == 0) {
            jobs.insert(id);
        }
    };
    for (const JobRow& row : changes.jobs) {
        want(row.id);
    }
    for (const JobCheckpoint& checkpoint : changes.checkpoints) {
        want(checkpoint.job);
    }
    for (const auto& [key, entries] : changes.done) {
        want(key.first);
    }
    for (const FailureRow& row : changes.failures) {
        want(row.job);
    }
    for (const LogRow& row : changes.logs) {
        want(row.job);
    }
    const auto pieces = pieces_by_block(changes.materialised);
    if (!leases_ && !(changes.grants.empty() && changes.ended_grants.empty())) {
        Adapter reader(db);
        leases_ = SERVO_TRY(sql::read_lease_log(reader));
    }
    if (jobs.empty() && pieces.empty()) {
        return {};
    }
    Rows ids({kInt8});
    for (const JobId id : jobs) {
        ids.add(id);
    }
    Rows keys({kInt8, kInt8});
    for (const auto& [key, unused] : pieces) {
        keys.add(key.first, key.second);
    }
    Pipeline ask(db);
    ask.add("SELECT job_id, tenant_id, asset_id FROM jobs WHERE job_id = ANY(?)", ids.params());
    ask.add(
        "SELECT asset_id, block, runs FROM partition_state"
        " JOIN unnest(?, ?) AS wanted (asset_id, block) USING (asset_id, block)",
        keys.params()
    );
    std::vector<OwnedResult> results = SERVO_TRY(ask.run());
    ResultCursor places(std::move(results[0]));
    while (SERVO_TRY(places.step())) {
        places_[JobId(places.integer(0))] = {
            TenantId(places.integer(1)), AssetId(places.integer(2))};
    }
    ResultCursor blocks(std::move(results[1]));
    while (SERVO_TRY(blocks.step())) {
        blocks_.emplace(
            BlockKey(AssetId(blocks.integer(0)), blocks.integer(1)),
            SERVO_TRY(StateBlock::decode(blocks.bytes(2), blocks.integer(1)))
        );
    }
    return {};
}

Result<ChangeWriter::JobPlace> ChangeWriter::place_of(JobId id) const {
    const auto it = places_.find(id);
    if (it == places_.end()) {
        return fail(
            conflict("unknown_job", fmt::format("A row belongs to unknown job {}.", to_text(id)))
        );
    }
    return it->second;
}

// --- statements --------------------------------------------------------------------------------

Status ChangeWriter::add(Pipeline& out, const Batch& batch) {
    const ChangeSet& changes = *batch.changes;
    SERVO_CHECK(add_batch(out, batch));
    add_definitions(out, changes);
    SERVO_CHECK(add_jobs(out, changes));
    SERVO_CHECK(add_checkpoints(out, changes));
    SERVO_CHECK(add_done(out, changes, batch.seq));
    SERVO_CHECK(add_failures(out, changes, batch.seq));
    SERVO_CHECK(add_logs(out, changes));
    SERVO_CHECK(add_states(out, changes));
    add_small(out, changes);
    return {};
}

void ChangeWriter::add_definitions(Pipeline& out, const ChangeSet& changes) {
    for (const TenantRow& row : changes.tenants) {
        add_tenant(out, row);
    }
    for (const PoolId id : changes.removed_pools) {
        out.add("UPDATE pools SET removed = 1 WHERE pool_id = ?", Params::of(id));
    }
    for (const PoolRow& row : changes.pools) {
        add_pool(out, row);
    }
    for (const AssetHead& row : changes.assets) {
        add_asset(out, row);
    }
    for (const auto& revision : changes.revisions) {
        add_revision(out, *revision);
    }
    for (const ExecutorId id : changes.removed_executors) {
        out.add("DELETE FROM executors WHERE executor_id = ?", Params::of(id));
    }
    for (const ExecutorRow& row : changes.executors) {
        add_executor(out, row);
    }
    for (const TokenRow& row : changes.tokens) {
        add_token(out, row);
    }
}

void ChangeWriter::add_pool(Pipeline& out, const PoolRow& row) {
    const Hold hold = row.hold.value_or(Hold{});
    const std::string windows = encode_windows(row.spec.windows);
    const std::string checks = encode_checks(row.spec.checks);
    // Every column but the key is new: the row is replaced whole.
    out.add("DELETE FROM pools WHERE pool_id = ?", Params::of(row.id));
    out.add(
        "INSERT INTO pools (pool_id, tenant_id, name, scope, concurrency,"
        " per_tenant_concurrency, windows, contact, held, hold_by, hold_reason, hold_since_ms,"
        " hold_until_ms, concurrency_override, override_by, override_reason, override_since_ms,"
        " override_until_ms, breaker, breaker_since_ms, checks, removed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        Params::of(
            row.id,
            row.tenant,
            view(row.spec.name),
            store::to_string(row.spec.scope),
            row.spec.concurrency,
            row.spec.per_tenant_concurrency,
            view(windows),
            view(row.spec.contact),
            row.hold.has_value(),
            view(hold.by),
            view(hold.reason),
            hold.since,
            hold.until,
            row.concurrency_override,
            view(row.override_info.by),
            view(row.override_info.reason),
            row.override_info.since,
            row.override_info.until,
            store::to_string(row.breaker),
            row.breaker_since,
            view(checks)
        )
    );
}

// Many jobs may begin to run in one commit, and each statement reads the table's checks anew.
Status ChangeWriter::add_jobs(Pipeline& out, const ChangeSet& changes) {
    Rows ordinals({kInt8, kInt8, kBytea});
    Rows rows({kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kText, kText,
               kText, kText, kText, kText, kText, kInt8, kInt8, kInt8, kInt8, kInt8,
               kInt8, kInt8, kInt8, kInt8, kInt8, kText, kText, kText, kText, kText,
               kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kText});
    for (const JobRow& row : changes.jobs) {
        if (places_.count(row.id) == 0) {
            if (!row.ordinals) {
                return fail(conflict(
                    "unknown_revision", fmt::format("Job {} has no ordinals.", to_text(row.id))
                ));
            }
            const std::string packed = row.ordinals->encode();
            ordinals.add(row.id, row.tenant, sql::Blob{packed});
            places_[row.id] = {row.tenant, row.asset};
        }
        const JobSettings& s = row.settings;
        rows.add(
            row.id,
            row.tenant,
            row.group,
            row.asset,
            row.revision,
            row.wants_latest,
            row.total(),
            row.keys_fingerprint,
            to_string(row.reprocess),
            sql::to_string(row.overlap),
            view(row.range_start),
            view(row.range_end),
            view(row.note),
            view(row.created_by),
            view(row.traceparent),
            row.created_at,
            s.priority,
            s.deadline,
            s.max_concurrency,
            s.max_failures.count,
            s.max_failures.percent,
            s.max_failures.percent_after,
            count_of(s.timeout),
            s.memory_bytes,
            s.max_attempts,
            view(encode_temporary(row.temporary)),
            to_string(row.state),
            view(row.state_reason),
            view(row.state_note),
            view(row.state_by),
            row.state_since,
            row.resume_at,
            row.waits_for,
            row.generation,
            row.started_at,
            row.completed_at,
            view(encode_claims(row.claims))
        );
    }
    if (!rows.empty()) {
        out.add(kUpsertJobs, rows.params());
    }
    if (!ordinals.empty()) {
        out.add(
            "INSERT INTO job_ordinals (job_id, tenant_id, ordinals) SELECT * FROM unnest(?, ?, ?)",
            ordinals.params()
        );
    }
    return {};
}

}  // namespace servo::store::postgres
