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
    const Result<bool> swept = sweep(now);
    if (swept.value_or(false)) {
        return true;
    }
    const Result<bool> dropped = drop_old(now);
    return swept ? dropped : swept;
}

// What an earlier process left unmerged: open jobs, and those that ended of late.
Status Upkeep::start(Instant now) {
    Query query = SERVO_TRY(db_.query(
        "SELECT job_id FROM jobs WHERE completed_at_ms IS NULL"
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
    const auto next = merge_next(front.job, front.next_block);
    if (!next && next.error().code == ErrorCode::kUnavailable) {
        return fail(next.error());
    }
    if (!next) {
        spdlog::error(
            "done rows of job {} are left unmerged: {}", to_text(front.job), next.error().message
        );
    }
    if (next && *next) {
        front.next_block = **next;
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
    const auto merged = SERVO_TRY(sorted_block(std::move(entries), block));
    const std::string payload = encode_done(merged, block);
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
        merged.size(),
        Blob{payload}
    ));
    SERVO_CHECK(transaction->commit());
    return true;
}

}  // namespace servo::store::sql
