// Planted bugs in what is told of partitions: materialised states that are not written, or are old;
// results that no checkpoint has and that nobody thinks of; owners that do not wait.
#include <optional>
#include <utility>

#include "sim/planted_parts.h"

namespace servo::sim {
namespace {

class StateNotWritten final : public Rarely {
 public:
    using Rarely::Rarely;
    void edit(const store::Batch&, ChangeSet& changes) override {
        if (!changes.materialised.empty() && now()) {
            changes.materialised.pop_back();
        }
    }
};

// What one job did is written once more, after what the next one did.
class OldStateReturns final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        std::vector<MaterialisedChange>& now = changes.materialised;
        if (kept_ && !now.empty() && now.back().job != kept_->job) {
            now.push_back(*std::exchange(kept_, std::nullopt));
        } else if (!kept_ && !now.empty()) {
            kept_ = now.back();
        }
    }

 private:
    std::optional<MaterialisedChange> kept_;
};

class FirstRevisionWritten final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (MaterialisedChange& change : changes.materialised) {
            change.revision = 1;
        }
    }
};

// A new leader forgets what no checkpoint had.
class LateResultsForgotten final : public Plant {
 public:
    void on_load(Snapshot& snapshot) override {
        for (Snapshot::OpenJob& job : snapshot.jobs) {
            job.done_after = RunSet();
            job.failed_after = RunSet();
        }
    }
};

// A policy goes by the states alone and takes what succeeded since.
class LateResultsNotAsked final : public Plant {
 public:
    void on_live_job(engine::LiveJob& job) override { job.unwritten = {}; }
};

class NobodyWaits final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (JobRow& row : changes.jobs) {
            row.waits_for = JobId{};
        }
    }
};

class RevisionTakenEarly final : public Plant {
 public:
    void edit(const store::Batch&, ChangeSet& changes) override {
        for (JobRow& row : changes.jobs) {
            row.revision += row.wants_latest ? 1 : 0;
            row.wants_latest = false;
        }
    }
};

template <typename Bug>
std::unique_ptr<Plant> always() {
    return std::make_unique<Bug>();
}

void reprocesses(Options& o) {
    o.reprocesses = true;
    o.assets_per_tenant = 1;
    o.tenants = 1;
    o.jobs = 12;
}
void takeovers(Options& o) {
    reprocesses(o);
    o.server_crashes = true;
    o.durations = DurationShape::kTenths;
}

}  // namespace

void add_standing_bugs(std::vector<PlantedBug>& bugs) {
    bugs.push_back(
        {"state_not_written",
         "a change of the materialised state is left out",
         [] { return std::make_unique<StateNotWritten>(20); },
         reprocesses}
    );
    bugs.push_back(
        {"old_state_returns",
         "what an earlier job did is written over what a later one did",
         always<OldStateReturns>,
         reprocesses}
    );
    bugs.push_back(
        {"revision_not_written",
         "states tell the first revision",
         always<FirstRevisionWritten>,
         reprocesses}
    );
    bugs.push_back(
        {"late_results_forgotten",
         "a new leader forgets results without a checkpoint",
         always<LateResultsForgotten>,
         takeovers}
    );
    bugs.push_back(
        {"late_results_not_asked",
         "a policy takes what succeeded since the checkpoint",
         always<LateResultsNotAsked>,
         reprocesses}
    );
    bugs.push_back(
        {"overlap_not_waited",
         "a job does not wait for the other",
         always<NobodyWaits>,
         reprocesses}
    );
    bugs.push_back(
        {"revision_taken_early",
         "a job goes on with a newer revision while it holds leases",
         always<RevisionTakenEarly>,
         reprocesses}
    );
}

}  // namespace servo::sim
