// An asset's selected partitions as sets by status: RunSets over the index space of one view, so
// that ten million partitions cost as much as they have runs. For any thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/open_owners.h"

namespace servo::engine {

constexpr size_t kSetRunsMax = 2'000'000;  // fragments of one status

struct PartitionSets {
    model::OrdinalView all;  // the selection, ascending; the sets are indices of it
    std::vector<OpenOwner> owners;
    model::RunSet completed;  // settled ones: not owned by an open job
    model::RunSet failed;
    model::RunSet skipped;
    model::RunSet pending;
    model::RunSet running;
    std::map<model::JobId, model::RunSet> settled_by_job;
    model::RunSet stale;  // of completed: by an older revision

    model::RunSet missing() const;
    // `status` is one of the API's words.
    model::RunSet of(const std::string& status) const;
};

// Looks at indices >= `from` of the view only. Errors: those of open_owners; resource_exhausted /
// "too_fragmented".
Result<PartitionSets> partition_sets(
    store::History& history,
    const model::AssetHead& asset,
    std::vector<model::OrdinalRun> ordinals,
    model::Index from,
    const AskJobs& ask
);

}  // namespace servo::engine
