// The one rule for "what is true now": later done and failure rows applied on top of a job's
// checkpoint. Used by every store for load, for reads, and for fsck. Pure values.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/changes.h"
#include "store/state_check.h"

namespace servo::store {

using namespace model;

// Builds the exact checkpoint of one job. Rows may come in any order of blocks, but those of one
// index in commit order.
class Replay {
 public:
    // `stored` is the job's last checkpoint; rows of batches up to stored.covers_seq are ignored.
    Replay(const JobRow& job, JobCheckpoint stored);

    void add_done(int64_t seq, const std::vector<DoneEntry>& entries);
    void add_failure(int64_t seq, const FailureRow& row);

    const JobCheckpoint& checkpoint() const { return checkpoint_; }
    const RunSet& done_after() const { return done_after_; }
    const RunSet& failed_after() const { return failed_after_; }
    JobCheckpoint take() { return std::move(checkpoint_); }

 private:
    int64_t covers_seq_;
    bool cancelling_;  // then a failure that would be retried ends the partition
    JobCheckpoint checkpoint_;
    RunSet done_after_;
    RunSet failed_after_;
};

// Failed attempts of a job by their token: tells under which grant an index failed.
using FailedTokens = std::map<Token, Index>;

// The indices of a live grant that are neither in `finished` (done) nor failed under this grant.
RunSet unreported(const GrantRow& grant, const RunSet& finished, const FailedTokens& failed);

// Where a job without a stored checkpoint stands: nothing happened before the first batch.
JobCheckpoint untouched(const JobRow& job);

// Ascending and each index once; all of them in `block`. What a commit's done rows must be.
// Error: internal / "bad_done_entries".
Result<std::vector<DoneEntry>> sorted_block(std::vector<DoneEntry> entries, uint64_t block);

// Collects what a store has of one job and says what contradicts what.
class JobCheck {
 public:
    // `exact` is all of the job's rows replayed on its checkpoint.
    JobCheck(const JobRow& job, Replay exact);

    void add_done(uint64_t block, const std::vector<DoneEntry>& entries);
    void add_failure(const FailureRow& row);
    void add_grant(const GrantRow& row);

    // Each contradiction as a sentence that names the job. At most kFindingsMax.
    std::vector<std::string> findings() const;
    JobFacts facts() const;

    static constexpr size_t kFindingsMax = 100;

 private:
    void check_row(std::vector<std::string>& out) const;
    void check_cover(std::vector<std::string>& out) const;
    void check_counters(std::vector<std::string>& out) const;
    void check_grants(std::vector<std::string>& out) const;

    JobRow job_;
    RunSet done_after_;  // of done_: since the checkpoint
    JobCheckpoint exact_;
    RunSet done_;
    RunSet repeated_;                     // in the done log more than once
    uint64_t outside_ = 0;                // entries outside their block or the job
    std::map<Index, bool> newest_final_;  // by index: whether its newest failure is final
    FailedTokens failed_tokens_;
    std::vector<GrantRow> grants_;
};

// Gaps and steps back in the chain of batches, told one by one in ascending order.
class ChainCheck {
 public:
    void add(int64_t epoch, int64_t seq, Instant now);
    std::vector<std::string> findings(int64_t leader_epoch) const;

 private:
    int64_t epoch_ = 0;
    int64_t seq_ = 0;
    Instant now_;
    std::vector<std::string> findings_;
};

// The ledger of time: rows in ascending order of span, time and epoch.
class LedgerCheck {
 public:
    void add(const LedgerRow& row);
    std::vector<std::string> findings();

 private:
    void settle();

    LedgerRow place_;  // of the rows that were gathered
    std::map<LedgerScope, LedgerEntries> scopes_;
    std::vector<std::string> findings_;
};

}  // namespace servo::store
