// What a backfill will run: the selection resolved by the asset's scheme, less what the reprocess
// policy leaves out. For worker threads.
#pragma once

#include "api/backfill.h"
#include "server/lookup.h"

namespace servo::server {

constexpr size_t kSampleKeysMax = 20;
constexpr size_t kKeptRunsMax = 2'000'000;  // fragments that the policy may leave of a selection

struct Chosen {
    std::shared_ptr<const model::OrdinalView> ordinals;  // ascending; reversed on request
    api::ResolvedSelection resolved;
};

model::Selection model_selection(const api::SelectionRequest& request);
api::ResolvedSelection render_resolved(const model::Resolved& resolved);

// Errors: the scheme's, and resource_exhausted / "too_fragmented".
Result<Chosen> choose_partitions(
    Call& call,
    const AssetRef& asset,
    const api::SelectionRequest& selection,
    model::ReprocessPolicy policy,
    bool reverse
);

// The indices `kept` of the ascending view, as runs of ordinals. Error: resource_exhausted /
// "too_fragmented".
Result<std::vector<model::OrdinalRun>> kept_runs(
    const model::OrdinalView& all, const model::RunSet& kept
);
// Keys of the first ones, at most kSampleKeysMax.
Result<std::vector<std::string>> sample_keys(const AssetRef& asset, const model::OrdinalView& view);

}  // namespace servo::server
