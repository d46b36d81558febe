// Planted bugs in what is written: a store, or an engine, that gets a row wrong.
#include <algorithm>
#include <optional>
#include <utility>

#include "sim/planted_parts.h"

namespace servo::sim {
namespace {

// A store that forgot to compare epochs: whoever asks, writes.
class NoEpochCheck final : public Plant {
 public:
    store::CommitOutcome commit(store::Store& inner, const store::Batch& batch) override {
        store::Batch accepted = batch;
        newest_ = std::max(newest_, batch.epoch);
        if (batch.epoch < newest_) {
            accepted.epoch = newest_;
            accepted.seq = last_ + 1;
        }
        const store::CommitOutcome outcome = inner.commit(accepted);
        if (outcome.fate == store::CommitFate::kCommitted) {
            last_ = accepted.seq;
        }
        return outcome;
    }

    Status beat(store::Store&, int64_t) override { return {}; }

 private:
    int64_t newest_ = 0;
    int64_t last_ = 0;
};

// A store that says yes before the disk did.
class CommitNotDurable final : public Rarely {
 public:
    using Rarely::Rarely;
    store::CommitOutcome commit(store::Store& inner, const store::Batch& batch) override {
        return now() ? store::CommitOutcome{} : inner.commit(batch);
    }
};

class DropDone final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        if (!changes.done.empty() && now()) {
            changes.done.begin()->second.pop_back();
            if (changes.done.begin()->second.empty()) {
                changes.done.erase(changes.done.begin());
            }
        }
    }
};

class RepeatDone final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        if (kept_ && !changes.done.contains(kept_->first) && now()) {
            changes.done[kept_->first].push_back(kept_->second);
        }
        if (!changes.done.empty()) {
            const auto& [key, entries] = *changes.done.begin();
            kept_ = std::pair(key, entries.front());
        }
    }

 private:
    std::optional<std::pair<std::pair<JobId, uint64_t>, DoneEntry>> kept_;
};

class DropLease final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        if (!changes.grants.empty() && now()) {
            changes.grants.pop_back();
        }
    }
};

class ResurrectLease final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (const GrantRow& row : changes.grants) {
            seen_[{row.lease, row.number}] = row;
        }
        if (ended_ && changes.ended_grants.empty() && now()) {
            changes.grants.push_back(*ended_);
        }
        for (const GrantKey& key : changes.ended_grants) {
            const auto found = seen_.find(key);
            if (found != seen_.end()) {
                ended_ = found->second;
            }
        }
    }

 private:
    std::map<GrantKey, GrantRow> seen_;
    std::optional<GrantRow> ended_;
};

class KeepEndedLease final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        if (!changes.ended_grants.empty() && now()) {
            changes.ended_grants.erase(changes.ended_grants.begin());
        }
    }
};

class SkipBackoff final : public Plant {
 public:
    void edit(const store::Batch& batch, ChangeSet& changes) override {
        for (FailureRow& row : changes.failures) {
            row.retry_at = batch.now;
        }
    }
};

class MiscountAttempts final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (FailureRow& row : changes.failures) {
            row.next_attempt = row.final ? row.next_attempt : row.attempt;
        }
    }
};

class ForgetFailed final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (JobCheckpoint& checkpoint : changes.checkpoints) {
            checkpoint.failed = RunSet();
        }
    }
};

class DriftingCounter final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        if (!changes.checkpoints.empty() && now()) {
            ++changes.checkpoints.front().counters.completed;
        }
    }
};

class PauseNotWritten final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        std::erase_if(changes.jobs, [](const JobRow& row) {
            return row.state == JobState::kPaused && row.generation == 1;
        });
    }
};

// Ends on paper alone: the value stays.
class SettingStays final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (JobRow& row : changes.jobs) {
            const auto before = last_.find(row.id);
            if (before != last_.end() && row.temporary.size() < before->second.temporary.size()) {
                row.settings = before->second.settings;
            }
            last_[row.id] = row;
        }
    }

 private:
    std::map<JobId, JobRow> last_;
};

class StaleCheckpoint final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (JobCheckpoint& checkpoint : changes.checkpoints) {
            const JobCheckpoint present = checkpoint;
            const auto [before, fresh] = last_.try_emplace(checkpoint.job, present);
            if (!fresh) {
                checkpoint = std::exchange(before->second, present);
                checkpoint.covers_seq = present.covers_seq;
            }
        }
    }

 private:
    std::map<JobId, JobCheckpoint> last_;
};

template <typename Bug>
std::unique_ptr<Plant> rarely() {
    return std::make_unique<Bug>(20);
}
template <typename Bug>
std::unique_ptr<Plant> always() {
    return std::make_unique<Bug>();
}

void nothing(Options&) {}
void failures(Options& o) {
    o.fail_per_mille = 200;
}
void controls(Options& o) {
    o.controls = true;
}

// A new leader begins with what the leader before it loaded.
class StaleLoad final : public Plant {
 public:
    void on_load(Snapshot& snapshot) override {
        Snapshot fresh = snapshot;
        if (before_) {
            snapshot = std::move(*before_);
            snapshot.epoch = fresh.epoch;
            snapshot.last_seq = fresh.last_seq;
            snapshot.last_now = fresh.last_now;
        }
        before_ = std::move(fresh);
    }

 private:
    std::optional<Snapshot> before_;
};

}  // namespace

void add_record_bugs(std::vector<PlantedBug>& bugs) {
    bugs.push_back(
        {"epoch_not_checked",
         "the store does not compare epochs",
         always<NoEpochCheck>,
         [](Options& o) { o.second_leader = true; }}
    );
    bugs.push_back(
        {"standby_loads_too_early",
         "a standby takes over with what was loaded before",
         always<StaleLoad>,
         [](Options& o) {
             o.standbys = 1;
             o.hand_overs = true;
         }}
    );
    bugs.push_back(
        {"commit_not_durable",
         "the store answers before the disk does",
         rarely<CommitNotDurable>,
         nothing}
    );
    bugs.push_back({"done_row_lost", "a success is left out of the log", rarely<DropDone>, nothing}
    );
    bugs.push_back({"done_row_twice", "a success is written again", rarely<RepeatDone>, nothing});
    bugs.push_back(
        {"lease_not_written", "a lease is given out and not stored", rarely<DropLease>, nothing}
    );
    bugs.push_back(
        {"lease_resurrected", "an ended lease is stored again", rarely<ResurrectLease>, nothing}
    );
    bugs.push_back(
        {"ended_lease_kept", "an ended lease is not deleted", rarely<KeepEndedLease>, nothing}
    );
    bugs.push_back(
        {"backoff_skipped", "a failed attempt is due at once", always<SkipBackoff>, failures}
    );
    bugs.push_back(
        {"attempts_miscounted",
         "a retry keeps the number of its attempt",
         always<MiscountAttempts>,
         failures}
    );
    bugs.push_back(
        {"failed_set_lost",
         "checkpoints leave out what failed finally",
         always<ForgetFailed>,
         failures}
    );
    bugs.push_back(
        {"counter_drifts", "a checkpoint counts one too many", rarely<DriftingCounter>, nothing}
    );
    bugs.push_back(
        {"pause_not_written",
         "a pause is answered and its row left out",
         always<PauseNotWritten>,
         controls}
    );
    bugs.push_back({"setting_stays", "a setting outlives its time", always<SettingStays>, controls}
    );
    bugs.push_back(
        {"checkpoint_stale",
         "a checkpoint says what the one before it should",
         always<StaleCheckpoint>,
         nothing}
    );
}

}  // namespace servo::sim
