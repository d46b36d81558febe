// Open jobs of an asset as owners of its partitions: what each has still to do, and what it has
// done that the materialised state, which is written with a job's checkpoints, does not tell yet.
// For worker threads.
#pragma once

#include <vector>

#include "server/lookup.h"

namespace servo::server {

constexpr int kOwnerPagesMax = 40;  // of open jobs of one asset

struct OpenOwner {
    core::JobView view;
    model::JobCheckpoint checkpoint;
    core::Unwritten unwritten;

    const model::OrdinalView& ordinals() const { return *view.row.ordinals; }
};

// To be read before the materialised state: what ends in between is then seen twice, never lost.
// Errors: that of Call::needs_what_runs where there is one; resource_exhausted /
// "too_many_open_backfills".
Result<std::vector<OpenOwner>> open_owners(Call& call, model::AssetId asset);

// For an answer that reads none of them: fails as Call::needs_what_runs does where there is one.
Status needs_open_owners(Call& call, model::AssetId asset);

// Indices of `all` that the job still has to do; that it completed, or finally failed at, since its
// last checkpoint: newer than any state.
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
