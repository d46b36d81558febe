// What the materialised states of partitions and the logs of the jobs that made them say of each
// other. Used by every store for fsck. Pure values.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/state_block.h"

namespace servo::store {

// What fsck keeps of a job to compare the materialised states with.
struct JobFacts {
    AssetId asset;
    std::shared_ptr<const OrdinalView> ordinals;
    RunSet done;
    RunSet failed;
    RunSet skipped;
    RunSet recorded;  // of done: by the job's last checkpoint, with which the states are written
};

// Takes the facts of all jobs, then the blocks of all assets, each asset's in ascending order.
class StateCheck {
 public:
    // `marked_missing`: assets of which a person marked partitions as missing. What a log says of
    // those may have no state, so that direction is not looked at.
    StateCheck(std::map<JobId, JobFacts> jobs, std::set<AssetId> marked_missing)
        : jobs_(std::move(jobs)), marked_missing_(std::move(marked_missing)) {}

    void add(AssetId asset, const StateBlock& block);

    // Each contradiction as a sentence; at most kFindingsMax of each kind.
    std::vector<std::string> findings();

    static constexpr size_t kFindingsMax = 100;

 private:
    // Says what a block claims that no log explains. Jobs that are not kept (adopted by hand, or no
    // longer there) are not looked at.
    void explain(AssetId asset, const StateBlock& block);
    // Says what the log of a job has that `present`, all states of its asset, has not.
    void compare(const OrdinalView& present, JobId id, const JobFacts& job);

    std::map<JobId, JobFacts> jobs_;
    std::set<AssetId> marked_missing_;
    std::map<AssetId, OrdinalRunBuilder> present_;
    std::vector<std::string> unexplained_;
    std::vector<std::string> lost_;
};

}  // namespace servo::store
