#include "store/sql/upkeep.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "model/job_id.h"
#include "store/replay.h"
#include "store/sql/rows.h"

namespace servo::store::sql {

Result<bool> Upkeep::step(Instant now) {
    if (!started_) {
        SERVO_CHECK(start(now));
    }
    return SERVO_TRY(sweep(now)) || SERVO_TRY(drop_old(now));
}

// What an earlier process left unmerged: open jobs, and those that ended of late.
Status Upkeep::start(Instant now) {
    Query query = SERVO_TRY(db_.query(
        "SELECT job_id FROM jobs WHERE state NOT IN ('completed', 'failed', 'cancelled')"
        " UNION SELECT job_id FROM jobs WHERE completed_at_ms >= ?",
        now - std::chrono::hours(24)
    ));
    while (SERVO_TRY(query.step())) {
        rows_[query.id<JobId>(0)] = kMergeRowsMin;
    }
    next_drop_ = now;
    started_ = true;
    return {};
}

void Upkeep::committed(const ChangeSet& changes) {
    for (const auto& [key, entries] : changes.done) {
        ++rows_[key.first];
    }
    for (const JobRow& row : changes.jobs) {
        if (is_terminal(row.state)) {
            rows_[row.id] = kMergeRowsMin;
        }
    }
}

// --- merging of done rows ----------------------------------------------------------------------

Result<bool> Upkeep::sweep(Instant now) {
    if (sweeping_.empty()) {
        if (rows_.empty() || now < next_sweep_) {
            return false;
        }
        // Looking at each of thousands of jobs that have little to merge would hold commits up.
        std::erase_if(rows_, [this](const auto& entry) {
            const bool enough = entry.second >= kMergeRowsMin;
            if (enough) {
                sweeping_.push_back({entry.first, 0});
            }
            return enough;
        });
        next_sweep_ = now + kSweepEvery;
        if (sweeping_.empty()) {
            return false;
        }
    }
    Sweep& front = sweeping_.front();
    if (const auto next = SERVO_TRY(merge_next(front.job, front.next_block))) {
        front.next_block = *next;
    } else {
        sweeping_.pop_front();
    }
    return !sweeping_.empty();
}

Result<std::optional<Upkeep::JobNow>> Upkeep::job_now(JobId job) {
    Query query = SERVO_TRY(db_.query(
        "SELECT total, state, coalesce(covers_seq, 0) FROM jobs"
        " LEFT JOIN job_checkpoints USING (job_id) WHERE job_id = ?",
        job
    ));
    if (!SERVO_TRY(query.step())) {
        return std::nullopt;
    }
    const auto state = job_state_from(query.bytes(1));
    if (!state) {
        return fail(unknown_word("a job's state", query.bytes(1)));
    }
    return JobNow{static_cast<uint64_t>(query.integer(0)), query.integer(2), is_terminal(*state)};
}

Result<std::optional<uint64_t>> Upkeep::merge_next(JobId job, uint64_t from_block) {
    const auto now = SERVO_TRY(job_now(job));
    if (!now) {
        return std::nullopt;
    }
    std::vector<uint64_t> several;  // blocks with more than one row
    int seen = 0;
    uint64_t last = from_block;
    {
        Query query = SERVO_TRY(db_.query(
            "SELECT block, count(*) FROM done_log WHERE job_id = ? AND block >= ?"
            " GROUP BY block ORDER BY block LIMIT ?",
            job,
            from_block,
            kSweepBlocks
        ));
        for (; SERVO_TRY(query.step()); ++seen) {
            last = static_cast<uint64_t>(query.integer(0));
            if (query.integer(1) > 1) {
                several.push_back(last);
            }
        }
    }
    for (const uint64_t block : several) {
        if (SERVO_TRY(merge_block(job, block, *now))) {
            return block;  // there may be more of it
        }
    }
    return seen < kSweepBlocks ? std::nullopt : std::optional(last + 1);
}

// Rows up to the job's checkpoint become one. Later rows stay as they are: replay goes by their
// batch numbers.
Result<bool> Upkeep::merge_block(JobId job, uint64_t block, const JobNow& now) {
    std::vector<DoneEntry> entries;
    int rows = 0;
    int64_t last_seq = 0;
    int64_t tenant = 0;
    int64_t asset = 0;
    {
        Query query = SERVO_TRY(db_.query(
            "SELECT seq, tenant_id, asset_id, payload FROM done_log"
            " WHERE job_id = ? AND block = ? AND seq <= ? ORDER BY seq LIMIT ?",
            job,
            block,
            now.covers_seq,
            kMergeRowsMax
        ));
        for (; SERVO_TRY(query.step()); ++rows) {
            last_seq = query.integer(0);
            tenant = query.integer(1);
            asset = query.integer(2);
            const auto more = SERVO_TRY(decode_done(query.bytes(3), block));
            entries.insert(entries.end(), more.begin(), more.end());
        }
    }
    const uint64_t capacity = std::min(kDoneBlockSize, now.total - block * kDoneBlockSize);
    const bool whole = now.terminal || entries.size() >= capacity;
    if (rows < 2 || (!whole && rows < kMergeRowsMin)) {
        return false;
    }
    const auto merged = sorted_block(std::move(entries), block);
    if (!merged) {
        spdlog::error(
            "done rows of job {} are left unmerged: {}", to_text(job), merged.error().message
        );
        return false;
    }
    const std::string payload = encode_done(*merged, block);
    const auto transaction = SERVO_TRY(db_.begin_write());
    SERVO_CHECK(db_.run(
        "DELETE FROM done_log WHERE job_id = ? AND block = ? AND seq <= ?", job, block, last_seq
    ));
    SERVO_CHECK(db_.run(
        "INSERT INTO done_log (tenant_id, asset_id, job_id, block, seq, codec, entries, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        tenant,
        asset,
        job,
        block,
        last_seq,
        kDoneCodecColumn,
        merged->size(),
        Blob{payload}
    ));
    SERVO_CHECK(transaction->commit());
    return true;
}

// --- retention ---------------------------------------------------------------------------------

Result<bool> Upkeep::drop_old(Instant now) {
    if (now < next_drop_) {
        return false;
    }
    int64_t dropped = SERVO_TRY(drop_batches());
    dropped += SERVO_TRY(drop_idempotency(now));
    dropped += SERVO_TRY(drop_events(now));
    dropped += SERVO_TRY(drop_ledger(now, LedgerSpan::kMinute));
    dropped += SERVO_TRY(drop_ledger(now, LedgerSpan::kHour));
    dropped += SERVO_TRY(drop_failures(now));
    dropped += SERVO_TRY(drop_jobs(now));
    if (dropped == 0) {
        next_drop_ = now + kRetentionEvery;
    }
    return dropped > 0;
}

Result<int64_t> Upkeep::drop_batches() {
    return db_.run(
        "DELETE FROM batches WHERE seq IN (SELECT seq FROM batches"
        " WHERE seq <= (SELECT max(seq) FROM batches) - ? ORDER BY seq LIMIT ?)",
        retention_.batch_rows_keep,
        4 * kDropRowsMax
    );
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

Result<int64_t> Upkeep::drop_ledger(Instant now, LedgerSpan span) {
    return db_.run(
        "DELETE FROM ledger WHERE (span, at_ms, epoch, scope) IN"
        " (SELECT span, at_ms, epoch, scope FROM ledger WHERE span = ? AND at_ms < ? LIMIT ?)",
        to_string(span),
        now - retention_.ledger_keep(span),
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

Result<int64_t> Upkeep::drop_failures(Instant now) {
    int64_t ended_at = 0;
    int64_t job = 0;
    {
        Query query = SERVO_TRY(db_.query(
            "SELECT completed_at_ms, job_id FROM jobs"
            " WHERE completed_at_ms IS NOT NULL AND (completed_at_ms, job_id) > (?, ?)"
            " AND completed_at_ms < ? AND state IN ('completed', 'failed', 'cancelled')"
            " ORDER BY completed_at_ms, job_id LIMIT 1",
            failures_dropped_to_.first,
            failures_dropped_to_.second,
            now - retention_.failures_keep
        ));
        if (!SERVO_TRY(query.step())) {
            return 0;
        }
        ended_at = query.integer(0);
        job = query.integer(1);
    }
    const int64_t dropped = SERVO_TRY(drop_rows_of(JobId(job)));
    if (dropped == 0) {
        failures_dropped_to_ = {ended_at, job};
        return 1;  // on to the next job
    }
    return dropped;
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
