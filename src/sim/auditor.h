// The independent model: fed by the committed batches and by the answers that callers got, it
// checks the invariants of the record after every batch (I1-I12, I14, I16, I17, I19, I22; the
// numbers are those of docs/design notes on promises), that what is set for a time ends in time and
// gives back what it covered, and that no two open jobs own a partition. It keeps where each
// partition stands, which PartitionReader holds answers against. It shares no rule with the
// scheduler. Single-threaded.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/scheduler.h"
#include "sim/account.h"
#include "sim/findings.h"
#include "sim/ledger.h"
#include "store/store.h"

namespace servo::sim {

class Auditor {
 public:
    Auditor(Findings& findings, const Ledger& ledger) : findings_(findings), ledger_(ledger) {}

    void on_leadership(int64_t epoch) { epoch_ = epoch; }
    // A batch that is durable, whatever its committer was told.
    void on_commit(const store::Batch& batch);
    void on_pool_steps(PoolId pool, std::vector<LimitStep> steps);

    // A caller was told that `command` succeeded. Called in the order of the answers, and
    // end_of_answers when the last one of a batch was given.
    void on_answer(const core::Command& command, const core::Reply& reply);

    void end_of_answers();

    // The leader made a step; `loaded`: with a scheduler that was just loaded.
    void on_step(Instant now, bool loaded);
    void on_heard(SessionId session) { heard_[session] = active_; }

    // The scheduler's memory against its own invariants and this account.
    void check_memory(const core::Scheduler& scheduler, Instant now);
    // The scheduler's memory against one that is loaded from the store.
    void check_disk(const core::Scheduler& live, const Snapshot& snapshot, Instant now);
    // Nothing runs and nothing is held any more.
    void check_idle(const core::Scheduler& scheduler, Instant now);

    // Where in its lease the partition with this token lies.
    std::optional<uint64_t> position_of(LeaseId lease, Token token) const;

    const Accounts& accounts() const { return a_; }
    int64_t epoch() const { return epoch_; }
    int64_t batches() const { return batches_; }
    // Successes and final failures recorded so far.
    uint64_t recorded() const { return recorded_.size(); }

 private:
    struct Touched {
        JobState before = JobState::kPending;
        int generation_before = 0;
        int revision_before = 0;
        bool wanted_before = false;  // the latest revision
        JobId waits_before;
        int64_t concurrency_before = 0;
        bool fresh = false;
    };
    struct BatchView {
        const store::Batch& batch;
        const ChangeSet& changes;
        std::map<JobId, Touched> touched;
        std::set<std::pair<std::string, std::string>> events;  // kind, subject
        std::map<GrantKey, GrantAccount> ended;                // as they were
        std::set<LeaseId> granted;                             // with new work
        Token max_token_before = 0;
        std::map<TenantId, int64_t> tenant_limit;  // the widest in force during the batch
        std::map<PoolId, int64_t> pool_limit;
        std::map<PoolId, int64_t> pool_share;
        std::map<AssetId, std::vector<std::optional<int64_t>>> asset_override;  // all in force
    };

    // auditor.cc
    void check_chain(const store::Batch& batch);
    void note_limits(BatchView& view);
    void apply_definitions(const ChangeSet& changes);
    void apply_job_rows(BatchView& view);
    void check_jobs(const BatchView& view);
    void check_ledger(const ChangeSet& changes);
    Touched& touch(BatchView& view, JobId job);

    // audit_results.cc
    void apply_done(BatchView& view);
    void apply_done_entry(BatchView& view, JobAccount& job, const DoneEntry& entry);
    void apply_failures(BatchView& view);
    void apply_failure(BatchView& view, const FailureRow& row);
    void check_failure_rules(const BatchView& view, const JobAccount& job, const FailureRow& row);
    void apply_checkpoints(BatchView& view);
    void apply_checkpoint(BatchView& view, const JobCheckpoint& checkpoint);
    void check_counters(const JobAccount& job, const JobCounters& told, const char* where);

    // audit_grants.cc
    void end_grants(BatchView& view);
    void insert_grants(BatchView& view);
    bool continues_ended(const BatchView& view, const GrantRow& row);
    void check_new_grant(BatchView& view, const GrantRow& row);
    void check_may_start(BatchView& view, const GrantRow& row);
    void check_range(const JobAccount& job, const GrantRow& row);
    void check_attempts(const BatchView& view, const JobAccount& job, const GrantRow& row);
    void check_limits(BatchView& view);
    void check_pool_limit(const BatchView& view, PoolId pool, const std::string& where);
    int64_t pool_limit_at(const PoolRow& row, Instant now) const;
    void forget(GrantKey key);
    void take_off(GrantAccount& grant, Index index);

    // audit_temporary.cc
    void check_settings(const BatchView& view, const JobRow& before, const JobRow& after);
    void check_overdue(Instant now);

    // audit_standings.cc
    void note_standing(
        const BatchView& view, const JobRow& job, Index index, model::Outcome outcome
    );
    void apply_marks(const BatchView& view);
    void check_owners(const BatchView& view);
    void check_new_owner(const BatchView& view, const JobAccount& job);
    void check_sole_owners(AssetId asset);
    void expect_mark(const core::MarkPartitions& command);

    // audit_answers.cc
    void check_call_answer(const CallRequest& request, const CallReply& reply);
    void check_left(SessionId session);
    void expect_event(const std::string& kind, const std::string& subject);

    bool fail(std::string invariant, std::string what);

    Findings& findings_;
    const Ledger& ledger_;
    Accounts a_;

    int64_t epoch_ = 0;       // the newest that was taken
    int64_t last_epoch_ = 0;  // of the last batch
    int64_t last_seq_ = 0;
    Instant last_now_;
    int64_t batches_ = 0;
    Token max_token_ = 0;
    LeaseId max_lease_;
    RunSet recorded_;  // tokens with a recorded result
    RunSet granted_;   // tokens that were ever under a lease
    // Where each lease's positions have their tokens: first position → (token, count).
    std::map<LeaseId, std::map<uint64_t, std::pair<Token, uint64_t>>> positions_;
    std::map<std::pair<std::string, std::string>, int64_t> events_;
    std::map<std::pair<std::string, std::string>, int64_t> answered_;
    std::map<SessionId, std::string> executor_of_;
    // Marks in the log that nobody was answered yet, with the name of their asset.
    std::vector<std::pair<std::string, MaterialisedChange>> marks_;
    std::set<std::string> joined_;  // executors that registered in this batch
    // Answers of this batch with grants that the log does not have, by session.
    std::vector<std::pair<SessionId, std::string>> unlogged_;

    // What should have ended by itself, by name, and since when in active_.
    std::map<std::string, Millis> overdue_;
    Millis overdue_looked_at_{0};

    // Time in which the leader was there to listen.
    Millis active_{0};
    Instant last_step_;
    std::map<SessionId, Millis> heard_;
    Millis loaded_at_{0};
};

}  // namespace servo::sim
