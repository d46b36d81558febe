// Which partitions a reprocess policy takes (contract, C4), by where they stand in the store and in
// memory. For any thread.
#pragma once

#include <map>

#include "engine/open_owners.h"

namespace servo::engine {

// Whether a partition in this state is run again under the policy; policies are cumulative.
bool runs_again(
    const store::History::StateRun& state, model::ReprocessPolicy policy, int latest_revision
);

// The indices of `all` that the policy leaves out, by their outcome. Errors: those of open_owners.
Result<std::map<model::Outcome, model::RunSet>> left_out(
    store::History& history,
    const model::AssetHead& asset,
    const model::OrdinalView& all,
    model::ReprocessPolicy policy,
    const AskJobs& ask
);

}  // namespace servo::engine
