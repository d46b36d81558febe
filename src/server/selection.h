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

}  // namespace servo::server
