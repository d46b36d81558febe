// Open jobs of an asset as owners of its partitions: what each has still to do, and what it has
// done that the materialised state, which is written with a job's checkpoints, does not tell yet.
// For worker threads.
#pragma once

#include <vector>

#include "server/lookup.h"

namespace servo::server {

constexpr int kOwnersMax = store::kPageMax;  // open jobs of one asset that are looked at

struct OpenOwner {
    core::JobView view;
    model::JobCheckpoint checkpoint;
    model::RunSet told;  // indices of the looked-at view with a state from after the job's start

    const model::OrdinalView& ordinals() const { return *view.row.ordinals; }
};

// To be read before the materialised state: what ends in between is then seen twice, never lost.
// Error: that of Call::needs_what_runs where there is one.
Result<std::vector<OpenOwner>> open_owners(Call& call, model::AssetId asset);

// Notes that `indices` of the view stand at `state`.
void note_state(
    std::vector<OpenOwner>& owners,
    const store::History::StateRun& state,
    const model::RunSet& indices
);
// Indices of `all` that the job still has to do; that it completed, or finally failed at, without
// the noted states telling.
model::RunSet to_do(const OpenOwner& owner, const model::OrdinalView& all);
model::RunSet fresh_completed(const OpenOwner& owner, const model::OrdinalView& all);
model::RunSet fresh_failed(const OpenOwner& owner, const model::OrdinalView& all);

// The members of `a` that are in `b`.
model::RunSet both(const model::RunSet& a, const model::RunSet& b);
// Indices of `from` (a subset of it) as indices of `to`; members that `to` lacks are left out.
model::RunSet translate(
    const model::OrdinalView& from, const model::RunSet& indices, const model::OrdinalView& to
);

}  // namespace servo::server
