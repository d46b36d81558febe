// Housekeeping on the writer connection between batches, in steps of about a millisecond: merging
// done rows, dropping what is past its keep. Not thread-safe.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "store/sql/reader.h"
#include "store/store.h"

namespace servo::store::sql {

using namespace model;

constexpr int kMergeRowsMin = 64;   // rows of an incomplete block that are worth merging
constexpr int kMergeRowsMax = 256;  // rows merged in one step
constexpr int kSweepBlocks = 64;    // blocks looked at in one step
constexpr int kDropRowsMax = 500;   // rows of one table dropped in one step
constexpr int kDropJobsMax = 256;   // jobs searched for rows to drop in one step
constexpr Millis kSweepEvery{30'000};
constexpr Millis kRetentionEvery{60'000};

class Upkeep {
 public:
    // `db` outlives it.
    Upkeep(Writer& db, const Retention& retention) : db_(db), retention_(retention) {}

    // One step. True: more waits. What cannot be read or dropped keeps no other kind waiting.
    Result<bool> step(Instant now);

    // After a commit: its jobs are looked at once they have rows enough to merge, or have ended.
    void committed(const ChangeSet& changes);

 private:
    struct Sweep {
        JobId job;
        uint64_t next_block = 0;
    };
    struct JobNow {
        uint64_t total = 0;
        int64_t covers_seq = 0;
        bool terminal = false;
    };

    Status start(Instant now);
    Result<bool> sweep(Instant now);
    // Looks at some blocks from `from_block` on and merges at most one group of rows. Where to go
    // on; nullopt: the job is through.
    Result<std::optional<uint64_t>> merge_next(JobId job, uint64_t from_block);
    Result<std::optional<JobNow>> job_now(JobId job);
    Result<bool> merge_block(JobId job, uint64_t block, const JobNow& now);

    // upkeep_retention.cc. Each drops a few rows, or looks for them; 0: nothing is left to do.
    Result<int64_t> drop_batches(Instant now);
    Result<int64_t> drop_idempotency(Instant now);
    Result<int64_t> drop_events(Instant now);
    Result<int64_t> drop_minutes(Instant now);
    Result<int64_t> drop_hours(Instant now);
    Result<int64_t> drop_tokens(Instant now);
    Result<int64_t> drop_failures(Instant now);
    Result<int64_t> drop_jobs(Instant now);
    Result<int64_t> drop_ledger(Instant now, LedgerSpan span);
    Result<int64_t> drop_rows_of(JobId job);
    // The next job past failures_dropped_to_ that has failures or log tails.
    struct Search {
        std::optional<JobId> found;
        bool more = false;  // not all were looked at
    };
    Result<Search> search_failures(Instant now);
    Result<bool> drop_old(Instant now);

    Writer& db_;
    Retention retention_;
    bool started_ = false;

    std::unordered_map<JobId, int> rows_;  // done rows since the job was last queued for a sweep
    std::deque<Sweep> sweeping_;
    Instant next_sweep_ = kEpochStart;

    Instant next_drop_ = kEpochStart;
    size_t dropping_ = 0;                                    // which kind of rows
    std::pair<int64_t, int64_t> failures_dropped_to_{0, 0};  // completed_at_ms, job_id
};

}  // namespace servo::store::sql
