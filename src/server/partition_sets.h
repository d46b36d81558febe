// An asset's selected partitions as sets by status: RunSets over the index space of one view, so
// that ten million partitions cost as much as they have runs. For worker threads.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/lookup.h"

namespace servo::server {

constexpr size_t kSetRunsMax = 2'000'000;    // fragments of one status
constexpr int kOwnersMax = store::kPageMax;  // open jobs of one asset that are looked at

// An open job of the asset, with what it has still to do.
struct OpenOwner {
    core::JobView view;
    model::RunSet remaining;  // indices of the job
};

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

// Looks at indices >= `from` of the view only. Errors: resource_exhausted / "too_fragmented".
Result<PartitionSets> partition_sets(
    Backend& backend,
    const AssetRef& asset,
    std::vector<model::OrdinalRun> ordinals,
    model::Index from
);

// The members of `a` that are in `b`.
model::RunSet both(const model::RunSet& a, const model::RunSet& b);
// Indices of `from` (a subset of it) as indices of `to`; members that `to` lacks are left out.
model::RunSet translate(
    const model::OrdinalView& from, const model::RunSet& indices, const model::OrdinalView& to
);

}  // namespace servo::server
