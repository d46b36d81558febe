#include "store/sql/rows.h"

#include <fmt/format.h>

#include <array>

#include "model/job_id.h"
#include "store/claims_codec.h"
#include "store/pool_codec.h"
#include "store/replay.h"
#include "store/settings_codec.h"

namespace servo::store::sql {
namespace {

constexpr std::array<std::string_view, 3> kOverlapNames = {"reject", "wait", "skip"};

// By, reason, since and until from `column` on.
Override read_override(const Query& row, int column) {
    Override out;
    out.by = row.text(column);
    out.reason = row.text(column + 1);
    out.since = row.instant(column + 2);
    out.until = row.instant(column + 3);
    return out;
}

// Walks the columns of a row in order.
struct Columns {
    const Query& row;
    int at = 0;

    int64_t integer() { return row.integer(at++); }
    int small() { return row.small(at++); }
    bool flag() { return row.integer(at++) != 0; }
    std::string text() { return row.text(at++); }
    std::string_view view() { return row.bytes(at++); }
    Instant instant() { return row.instant(at++); }
    std::optional<int64_t> maybe() { return row.maybe_integer(at++); }
    std::optional<Instant> maybe_instant() {
        const auto value = maybe();
        return value ? std::optional(instant_ms(*value)) : std::nullopt;
    }
    template <typename Id>
    Id id() {
        return Id(integer());
    }
};

void read_settings(Columns& in, JobSettings& out) {
    out.priority = in.small();
    out.deadline = in.maybe_instant();
    out.max_concurrency = in.integer();
    out.max_failures.count = in.integer();
    out.max_failures.percent = in.small();
    out.max_failures.percent_after = in.integer();
    if (const auto timeout = in.maybe()) {
        out.timeout = Millis(*timeout);
    }
    out.memory_bytes = in.maybe();
    if (const auto attempts = in.maybe()) {
        out.max_attempts = static_cast<int>(*attempts);
    }
}

}  // namespace

Error unknown_word(std::string_view column, std::string_view word) {
    return internal(
        "corrupt_payload",
        fmt::format(
            "The database has \"{}\" in {}, which this version does not know.", word, column
        )
    );
}

std::string_view to_string(OverlapPolicy policy) {
    return kOverlapNames[static_cast<size_t>(policy)];
}

std::optional<OverlapPolicy> overlap_from(std::string_view name) {
    for (size_t i = 0; i < kOverlapNames.size(); ++i) {
        if (kOverlapNames[i] == name) {
            return static_cast<OverlapPolicy>(i);
        }
    }
    return std::nullopt;
}

Result<TenantRow> read_tenant(const Query& row) {
    TenantRow out;
    out.id = row.id<TenantId>(0);
    out.name = row.text(1);
    out.limits = {row.small(2), row.integer(3), row.integer(4)};
    if (!row.is_null(5)) {
        out.override_limits = TenantLimits{row.small(5), row.integer(6), row.integer(7)};
    }
    out.override_info = read_override(row, 8);
    out.created_at = row.instant(12);
    return out;
}

Result<PoolRow> read_pool(const Query& row) {
    Columns in{row};
    PoolRow out;
    out.id = in.id<PoolId>();
    out.tenant = in.id<TenantId>();
    out.spec.name = in.text();
    const std::string scope = in.text();
    out.spec.concurrency = in.integer();
    out.spec.per_tenant_concurrency = in.integer();
    out.spec.windows = SERVO_TRY(decode_windows(in.view()));
    out.spec.contact = in.text();
    if (in.flag()) {
        out.hold = Hold{row.text(9), row.text(10), row.instant(11), row.instant(12)};
    }
    out.concurrency_override = row.maybe_integer(13);
    out.override_info = read_override(row, 14);
    const std::string breaker = row.text(18);
    out.breaker_since = row.instant(19);
    out.spec.checks = SERVO_TRY(decode_checks(row.text(20)));
    const auto known_scope = pool_scope_from(scope);
    const auto known_breaker = breaker_state_from(breaker);
    if (!known_scope || !known_breaker) {
        return fail(unknown_word("a pool", scope + "/" + breaker));
    }
    out.spec.scope = *known_scope;
    out.breaker = *known_breaker;
    return out;
}

AssetHead read_asset(const Query& row) {
    AssetHead out;
    out.id = row.id<AssetId>(0);
    out.tenant = row.id<TenantId>(1);
    out.name = row.text(2);
    out.latest_revision = row.small(3);
    out.archived = row.integer(4) != 0;
    out.marked_missing = row.integer(5) != 0;
    out.concurrency_override = row.maybe_integer(6);
    out.override_info = read_override(row, 7);
    return out;
}

Result<ExecutorRow> read_executor(const Query& row) {
    ExecutorRow out;
    out.id = row.id<ExecutorId>(0);
    out.name = row.text(1);
    out.host = row.text(2);
    out.build = row.text(3);
    out.slots = row.small(4);
    out.last_registered_at = row.instant(5);
    out.drain_wanted = row.integer(6) != 0;
    out.tenant = row.id<TenantId>(7);
    const auto presence = presence_from(row.text(8));
    if (!presence) {
        return fail(unknown_word("executors.presence", row.text(8)));
    }
    out.presence = *presence;
    out.last_seen_at = row.instant(9);
    out.missing_slots = row.small(10);
    return out;
}

Result<TokenRow> read_token(const Query& row) {
    TokenRow out;
    out.id = row.text(0);
    out.tenant = row.id<TenantId>(1);
    const auto role = token_role_from(row.text(2));
    if (!role) {
        return fail(unknown_word("tokens.role", row.text(2)));
    }
    out.role = *role;
    out.labels = decode_labels(row.bytes(3));
    out.secret_sha256 = row.text(4);
    out.note = row.text(5);
    out.created_by = row.text(6);
    out.created_at = row.instant(7);
    out.expires_at = row.instant(8);
    out.revoked_at = row.instant(9);
    return out;
}

Result<JobColumns> read_job(const Query& row) {
    Columns in{row};
    JobColumns out;
    JobRow& job = out.row;
    job.id = in.id<JobId>();
    job.tenant = in.id<TenantId>();
    job.group = in.id<GroupId>();
    job.asset = in.id<AssetId>();
    job.revision = in.small();
    job.wants_latest = in.flag();
    out.total = static_cast<uint64_t>(in.integer());
    job.keys_fingerprint = static_cast<uint64_t>(in.integer());
    const std::string reprocess = in.text();
    const std::string overlap = in.text();
    job.range_start = in.text();
    job.range_end = in.text();
    job.note = in.text();
    job.created_by = in.text();
    job.traceparent = in.text();
    job.created_at = in.instant();
    read_settings(in, job.settings);
    job.temporary = SERVO_TRY(decode_temporary(in.view()));
    const std::string state = in.text();
    job.state_reason = in.text();
    job.state_note = in.text();
    job.state_by = in.text();
    job.state_since = in.instant();
    job.resume_at = in.instant();
    job.waits_for = in.id<JobId>();
    job.generation = in.small();
    job.started_at = in.maybe_instant();
    job.completed_at = in.maybe_instant();
    job.claims = SERVO_TRY(decode_claims(in.view()));
    const auto known_reprocess = reprocess_policy_from(reprocess);
    const auto known_overlap = overlap_from(overlap);
    const auto known_state = job_state_from(state);
    if (!known_reprocess || !known_overlap || !known_state) {
        return fail(unknown_word("a job", reprocess + "/" + overlap + "/" + state));
    }
    job.reprocess = *known_reprocess;
    job.overlap = *known_overlap;
    job.state = *known_state;
    return out;
}

Result<StoredFailure> read_failure(const Query& row) {
    Columns in{row};
    StoredFailure out;
    out.id = in.integer();
    out.seq = in.integer();
    FailureRow& failure = out.row;
    failure.job = in.id<JobId>();
    failure.index = static_cast<Index>(in.integer());
    failure.generation = in.small();
    failure.attempt = in.small();
    failure.token = in.integer();
    failure.deaths = in.small();
    const std::string klass = in.text();
    failure.final = in.flag();
    failure.retry_at = in.instant();
    failure.next_attempt = in.small();
    failure.first_failed_at = in.instant();
    failure.exit_code = in.small();
    failure.message = in.text();
    failure.started_at = in.instant();
    failure.ended_at = in.instant();
    failure.executor = in.id<ExecutorId>();
    failure.max_rss_kb = in.integer();
    failure.cpu_us = in.integer();
    const auto known = failure_class_from(klass);
    if (!known) {
        return fail(unknown_word("a failure's class", klass));
    }
    failure.klass = *known;
    return out;
}

Result<std::shared_ptr<const AssetRevision>> read_revision(const Query& row) {
    auto out = std::make_shared<AssetRevision>();
    out->asset = row.id<AssetId>(0);
    out->revision = row.small(1);
    out->tenant = row.id<TenantId>(2);
    out->spec = SERVO_TRY(decode_asset(row.bytes(3)));
    out->created_at = row.instant(4);
    out->created_by = row.text(5);
    out->code_dir = row.text(6);
    out->scheme = SERVO_TRY(PartitionScheme::compile(out->spec.partitions));
    return std::shared_ptr<const AssetRevision>(std::move(out));
}

EventRow read_event(const Query& row) {
    return {
        row.id<TenantId>(0), row.instant(1), row.text(2), row.text(3), row.text(4), row.text(5)};
}

Result<LedgerRow> read_ledger(const Query& row) {
    const auto span = ledger_span_from(row.bytes(0));
    const auto scope = ledger_scope_from(row.bytes(3));
    if (!span || !scope) {
        return fail(unknown_word("the ledger's span or scope", row.bytes(span ? 3 : 0)));
    }
    return LedgerRow{
        *span, row.instant(1), row.integer(2), *scope, SERVO_TRY(decode_ledger(row.bytes(4)))};
}

Result<std::shared_ptr<const OrdinalView>> decode_ordinals(
    std::string_view packed, JobId job, uint64_t fingerprint
) {
    auto view = std::make_shared<const OrdinalView>(SERVO_TRY(OrdinalView::decode(packed)));
    if (view->fingerprint() != fingerprint) {
        return fail(internal(
            "corrupt_payload",
            fmt::format(
                "The partitions of job {} do not match their fingerprint. Run `servo fsck`.",
                to_text(job)
            )
        ));
    }
    return view;
}

Result<std::shared_ptr<const OrdinalView>> read_ordinals(
    Reader& db, JobId job, uint64_t fingerprint
) {
    Query query = SERVO_TRY(db.query("SELECT ordinals FROM job_ordinals WHERE job_id = ?", job));
    if (!SERVO_TRY(query.step())) {
        return fail(internal(
            "corrupt_payload",
            fmt::format("Job {} has lost its partitions. Run `servo fsck`.", to_text(job))
        ));
    }
    return decode_ordinals(query.bytes(0), job, fingerprint);
}

Result<JobCheckpoint> read_checkpoint(Reader& db, const JobRow& job) {
    Query query = SERVO_TRY(
        db.query("SELECT covers_seq, progress FROM job_checkpoints WHERE job_id = ?", job.id)
    );
    if (!SERVO_TRY(query.step())) {
        return untouched(job);
    }
    JobCheckpoint out = SERVO_TRY(decode_checkpoint(query.bytes(1)));
    out.job = job.id;
    out.covers_seq = query.integer(0);
    return out;
}

}  // namespace servo::store::sql
