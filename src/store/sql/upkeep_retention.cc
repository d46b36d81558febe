// Dropping what is past its keep.
#include <array>

#include "store/sql/upkeep.h"

namespace servo::store::sql {

// One kind of rows in a step, until none of it is left or it cannot be dropped now.
Result<bool> Upkeep::drop_old(Instant now) {
    static constexpr std::array kDrops = {
        &Upkeep::drop_batches,
        &Upkeep::drop_idempotency,
        &Upkeep::drop_events,
        &Upkeep::drop_minutes,
        &Upkeep::drop_hours,
        &Upkeep::drop_tokens,
        &Upkeep::drop_failures,
        &Upkeep::drop_jobs};
    if (now < next_drop_) {
        return false;
    }
    const Result<int64_t> dropped = (this->*kDrops[dropping_])(now);
    if (dropped.value_or(0) == 0 && ++dropping_ == kDrops.size()) {
        dropping_ = 0;
        next_drop_ = now + kRetentionEvery;
    }
    if (!dropped) {
        return fail(dropped.error());
    }
    return now >= next_drop_;
}

Result<int64_t> Upkeep::drop_batches(Instant) {
    constexpr int64_t kPortion = 4 * kDropRowsMax;
    const int64_t dropped = SERVO_TRY(db_.run(
        "DELETE FROM batches WHERE seq IN (SELECT seq FROM batches"
        " WHERE seq <= (SELECT max(seq) FROM batches) - ? ORDER BY seq LIMIT ?)",
        retention_.batch_rows_keep,
        kPortion
    ));
    // Each commit makes one more; the other kinds do not wait for a pause between commits.
    return dropped == kPortion ? dropped : 0;
}

Result<int64_t> Upkeep::drop_idempotency(Instant now) {
    return db_.run(
        "DELETE FROM idempotency WHERE (tenant_id, route, key) IN"
        " (SELECT tenant_id, route, key FROM idempotency WHERE at_ms < ? LIMIT ?)",
        now - retention_.idempotency_keep,
        kDropRowsMax
    );
}

Result<int64_t> Upkeep::drop_events(Instant now) {
    // Events ascend in time, so the oldest rows tell whether there is anything to drop.
    return db_.run(
        "DELETE FROM events WHERE at_ms < ? AND event_id IN"
        " (SELECT event_id FROM events ORDER BY event_id LIMIT ?)",
        now - retention_.history_keep,
        kDropRowsMax
    );
}

Result<int64_t> Upkeep::drop_minutes(Instant now) {
    return drop_ledger(now, LedgerSpan::kMinute);
}

Result<int64_t> Upkeep::drop_hours(Instant now) {
    return drop_ledger(now, LedgerSpan::kHour);
}

Result<int64_t> Upkeep::drop_ledger(Instant now, LedgerSpan span) {
    return db_.run(
        "DELETE FROM ledger WHERE (span, at_ms, epoch, scope) IN"
        " (SELECT span, at_ms, epoch, scope FROM ledger WHERE span = ? AND at_ms < ? LIMIT ?)",
        to_string(span),
        now - retention_.ledger_keep(span),
        kDropRowsMax
    );
}

// Those of admins stay: that there was one keeps the API closed.
Result<int64_t> Upkeep::drop_tokens(Instant now) {
    const Instant before = now - retention_.history_keep;
    return db_.run(
        "DELETE FROM tokens WHERE token_id IN"
        " (SELECT token_id FROM tokens"
        " WHERE role <> ? AND (expires_at_ms < ? OR revoked_at_ms < ?) LIMIT ?)",
        to_string(TokenRole::kAdmin),
        before,
        before,
        kDropRowsMax
    );
}

Result<int64_t> Upkeep::drop_rows_of(JobId job) {
    int64_t dropped = SERVO_TRY(db_.run(
        "DELETE FROM partition_failures WHERE failure_id IN"
        " (SELECT failure_id FROM partition_failures WHERE job_id = ? LIMIT ?)",
        job,
        kDropRowsMax
    ));
    dropped += SERVO_TRY(db_.run(
        "DELETE FROM partition_logs WHERE log_id IN"
        " (SELECT log_id FROM partition_logs WHERE job_id = ? LIMIT ?)",
        job,
        kDropRowsMax
    ));
    return dropped;
}

Result<Upkeep::Search> Upkeep::search_failures(Instant now) {
    Search out;
    Query query = SERVO_TRY(db_.query(
        "SELECT completed_at_ms, job_id,"
        " (SELECT failure_id FROM partition_failures"
        "  WHERE partition_failures.job_id = ended.job_id LIMIT 1),"
        " (SELECT log_id FROM partition_logs WHERE partition_logs.job_id = ended.job_id LIMIT 1)"
        " FROM (SELECT completed_at_ms, job_id FROM jobs"
        "  WHERE completed_at_ms IS NOT NULL AND (completed_at_ms, job_id) > (?, ?)"
        "  AND completed_at_ms < ? AND state IN ('completed', 'failed', 'cancelled')"
        "  ORDER BY completed_at_ms, job_id LIMIT ?) AS ended"
        " ORDER BY completed_at_ms, job_id",
        failures_dropped_to_.first,
        failures_dropped_to_.second,
        now - retention_.failures_keep,
        kDropJobsMax
    ));
    for (int seen = 0; SERVO_TRY(query.step());) {
        if (!query.is_null(2) || !query.is_null(3)) {
            out.found = query.id<JobId>(1);
            return out;
        }
        failures_dropped_to_ = {query.integer(0), query.integer(1)};
        out.more = ++seen == kDropJobsMax;
    }
    return out;
}

Result<int64_t> Upkeep::drop_failures(Instant now) {
    const Search search = SERVO_TRY(search_failures(now));
    return search.found ? drop_rows_of(*search.found) : Result<int64_t>(search.more ? 1 : 0);
}

Result<int64_t> Upkeep::drop_jobs(Instant now) {
    const auto job = SERVO_TRY(db_.integer(
        "SELECT job_id FROM jobs WHERE completed_at_ms < ?"
        " AND state IN ('completed', 'failed', 'cancelled') ORDER BY completed_at_ms LIMIT 1",
        now - retention_.history_keep
    ));
    if (!job) {
        return 0;
    }
    // First of all: it tells fsck that the rest is going.
    int64_t dropped = SERVO_TRY(db_.run("DELETE FROM job_checkpoints WHERE job_id = ?", *job));
    dropped += SERVO_TRY(drop_rows_of(JobId(*job)));
    dropped += SERVO_TRY(db_.run(
        "DELETE FROM done_log WHERE (job_id, block, seq) IN"
        " (SELECT job_id, block, seq FROM done_log WHERE job_id = ? LIMIT ?)",
        *job,
        kDropRowsMax
    ));
    if (dropped > 0) {
        return dropped;
    }
    const auto transaction = SERVO_TRY(db_.begin_write());
    SERVO_CHECK(db_.run("DELETE FROM job_ordinals WHERE job_id = ?", *job));
    SERVO_CHECK(db_.run("DELETE FROM jobs WHERE job_id = ?", *job));
    SERVO_CHECK(transaction->commit());
    return 1;
}

}  // namespace servo::store::sql
