#include "store/sql/load.h"

#include <fmt/format.h>

#include <set>

#include "model/job_id.h"
#include "store/sql/job_reader.h"

namespace servo::store::sql {
namespace {

// Appends `read(row)` for each row of the query.
template <typename T, typename Read>
Status read_all(Reader& db, Sql sql, std::vector<T>& out, Read read) {
    Query query = SERVO_TRY(db.query(sql));
    while (SERVO_TRY(query.step())) {
        Result<T> row = read(query);
        if (!row) {
            return fail(row.error());
        }
        out.push_back(std::move(*row));
    }
    return {};
}

Status read_definitions(Reader& db, Snapshot& out) {
    SERVO_CHECK(read_all(
        db,
        "SELECT tenant_id, name, weight, max_concurrency, max_pending, override_weight,"
        " override_max_concurrency, override_max_pending, override_by, override_reason,"
        " override_since_ms, override_until_ms, created_at_ms FROM tenants ORDER BY tenant_id",
        out.tenants,
        read_tenant
    ));
    SERVO_CHECK(read_all(
        db,
        "SELECT pool_id, tenant_id, name, scope, concurrency, per_tenant_concurrency, windows,"
        " contact, held, hold_by, hold_reason, hold_since_ms, hold_until_ms, concurrency_override,"
        " override_by, override_reason, override_since_ms, override_until_ms, breaker,"
        " breaker_since_ms, checks FROM pools WHERE removed = 0 ORDER BY pool_id",
        out.pools,
        read_pool
    ));
    SERVO_CHECK(read_all(
        db,
        "SELECT asset_id, tenant_id, name, latest_revision, archived, marked_missing,"
        " concurrency_override, override_by, override_reason, override_since_ms, override_until_ms"
        " FROM assets"
        " ORDER BY asset_id",
        out.assets,
        [](const Query& row) -> Result<AssetHead> { return read_asset(row); }
    ));
    SERVO_CHECK(read_all(
        db,
        "SELECT executor_id, name, host, build, slots, last_registered_at_ms, drain_wanted,"
        " tenant_id, presence, last_seen_at_ms, missing_slots FROM executors ORDER BY executor_id",
        out.executors,
        read_executor
    ));
    SERVO_CHECK(read_all(
        db, "SELECT " SERVO_TOKEN_COLUMNS " FROM tokens ORDER BY token_id", out.tokens, read_token
    ));
    const auto highest = [&db](Sql sql, int64_t& value) -> Status {
        value = SERVO_TRY(db.integer(sql)).value_or(0);
        return {};
    };
    SERVO_CHECK(highest("SELECT max(tenant_id) FROM tenants", out.max_tenant_id));
    SERVO_CHECK(highest("SELECT max(asset_id) FROM assets", out.max_asset_id));
    SERVO_CHECK(highest("SELECT max(pool_id) FROM pools", out.max_pool_id));
    return highest("SELECT max(executor_id) FROM executors", out.max_executor_id);
}

Result<Snapshot::OpenJob> open_job(Reader& db, RevisionCache& revisions, JobRow row) {
    row.ordinals = SERVO_TRY(read_ordinals(db, row.id, row.keys_fingerprint));
    Snapshot::OpenJob out = SERVO_TRY(read_open_job(db, row));
    out.revision = SERVO_TRY(revisions.get(db, row.asset, row.revision));
    if (out.revision == nullptr) {
        return fail(internal(
            "corrupt_payload",
            fmt::format("Job {} has lost its asset's revision. Run `servo fsck`.", to_text(row.id))
        ));
    }
    return out;
}

Status load_jobs(Reader& db, RevisionCache& revisions, Snapshot& out) {
    std::vector<JobColumns> rows;
    SERVO_CHECK(read_all(
        db,
        "SELECT " SERVO_JOB_COLUMNS " FROM jobs WHERE completed_at_ms IS NULL ORDER BY job_id",
        rows,
        read_job
    ));
    for (JobColumns& columns : rows) {
        out.jobs.push_back(SERVO_TRY(open_job(db, revisions, std::move(columns.row))));
    }
    return {};
}

Status load_revisions(Reader& db, RevisionCache& revisions, Snapshot& out) {
    std::set<std::pair<AssetId, int>> wanted;
    for (const AssetHead& asset : out.assets) {
        wanted.emplace(asset.id, asset.latest_revision);
    }
    for (const Snapshot::OpenJob& job : out.jobs) {
        wanted.emplace(job.row.asset, job.row.revision);
    }
    for (const auto& [asset, number] : wanted) {
        if (auto revision = SERVO_TRY(revisions.get(db, asset, number))) {
            out.revisions.push_back(std::move(revision));
        }
        Query query = SERVO_TRY(db.query(
            "SELECT stats FROM duration_stats WHERE asset_id = ? AND revision = ?", asset, number
        ));
        if (SERVO_TRY(query.step())) {
            out.durations.push_back(
                {asset, number, SERVO_TRY(decode_duration_stats(query.bytes(0)))}
            );
        }
    }
    return {};
}

}  // namespace

Result<Snapshot> load_active(Reader& db, RevisionCache& revisions, int64_t epoch) {
    const int64_t leader =
        SERVO_TRY(db.integer("SELECT epoch FROM leader WHERE id = 1")).value_or(0);
    if (leader != epoch) {
        return fail(unavailable(
            "deposed", fmt::format("Epoch {} was taken over by epoch {}.", epoch, leader)
        ));
    }
    Snapshot out;
    out.epoch = epoch;
    {
        Query last =
            SERVO_TRY(db.query("SELECT seq, now_ms FROM batches ORDER BY seq DESC LIMIT 1"));
        if (SERVO_TRY(last.step())) {
            out.last_seq = last.integer(0);
            out.last_now = last.instant(1);
        }
    }
    SERVO_CHECK(read_definitions(db, out));
    SERVO_CHECK(load_jobs(db, revisions, out));
    SERVO_CHECK(load_revisions(db, revisions, out));
    const LeaseLog leases = SERVO_TRY(read_lease_log(db));
    for (const auto& [key, grant] : leases.open()) {
        out.grants.push_back(grant);
    }
    return out;
}

Result<Snapshot> load_definitions(Reader& db, RevisionCache& revisions) {
    Snapshot out;
    SERVO_CHECK(read_definitions(db, out));
    for (const AssetHead& asset : out.assets) {
        if (auto revision = SERVO_TRY(revisions.get(db, asset.id, asset.latest_revision))) {
            out.revisions.push_back(std::move(revision));
        }
    }
    return out;
}

Result<std::optional<Snapshot::OpenJob>> load_job(Reader& db, RevisionCache& revisions, JobId id) {
    auto columns = SERVO_TRY(read_job_row(db, id, Ordinals::kLeaveOut));
    if (!columns || SERVO_TRY(being_dropped(db, columns->row))) {
        return std::nullopt;
    }
    return SERVO_TRY(open_job(db, revisions, std::move(columns->row)));
}

Result<bool> was_committed(Reader& db, int64_t epoch, int64_t seq) {
    const int64_t oldest = SERVO_TRY(db.integer("SELECT min(seq) FROM batches")).value_or(0);
    if (seq < oldest) {
        return fail(internal(
            "too_old", fmt::format("Whether batch {} was committed is no longer kept.", seq)
        ));
    }
    return SERVO_TRY(db.integer("SELECT seq FROM batches WHERE seq = ? AND epoch = ?", seq, epoch))
        .has_value();
}

}  // namespace servo::store::sql
