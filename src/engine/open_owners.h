// Open jobs of an asset as owners of its partitions: what each has still to do, and what it has
// done that the materialised state, which is written with a job's checkpoints, does not tell yet.
// For any thread: whoever is not on the engine's asks memory by way of Engine::read.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/scheduler.h"
#include "store/store.h"

namespace servo::engine {

constexpr int kOwnerPagesMax = 40;  // of open jobs of one asset

// An open job as memory has it.
struct LiveJob {
    core::JobView view;
    core::Unwritten unwritten;
};
// nullopt: it is not open (any more).
std::optional<LiveJob> live_job(const core::Scheduler& scheduler, model::JobId job, Instant now);
// How memory is asked of jobs, one answer for each. Error: why it cannot be.
using AskJobs =
    std::function<Result<std::vector<std::optional<LiveJob>>>(const std::vector<model::JobId>&)>;

struct OpenOwner {
    core::JobView view;
    model::JobCheckpoint checkpoint;
    core::Unwritten unwritten;

    const model::OrdinalView& ordinals() const { return *view.row.ordinals; }
};

// To be read before the materialised state: what ends in between is then seen twice, never lost.
// Errors: those of `ask` where a job is open; resource_exhausted / "too_many_open_backfills".
Result<std::vector<OpenOwner>> open_owners(
    store::History& history, model::AssetId asset, const AskJobs& ask
);
// Whether there is one, on record.
Result<bool> has_open_jobs(store::History& history, model::AssetId asset);

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

}  // namespace servo::engine
