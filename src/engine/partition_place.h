// Where one partition stands: its materialised state, and the open job that has it to do or did it
// so lately that the state does not tell yet. For any thread.
#pragma once

#include <functional>
#include <optional>

#include "core/scheduler.h"
#include "store/store.h"

namespace servo::engine {

// The partition as the open job has it that owns it.
struct LiveOwner {
    model::JobRow row;
    model::Index index = 0;
    core::PartitionView view;
};
// nullopt: no open job has it to do, or did it since its last checkpoint.
std::optional<LiveOwner> live_owner(
    const core::Scheduler& scheduler, model::AssetId asset, model::Ordinal ordinal, Instant now
);
// How memory is asked. Error: why it cannot be.
using AskOwner =
    std::function<Result<std::optional<LiveOwner>>(model::AssetId asset, model::Ordinal ordinal)>;

struct PlaceOfPartition {
    std::optional<store::History::StateRun> state;  // absent: never touched
    std::optional<LiveOwner> owner;                 // counts before the state
};
// Errors: the store's, those of `ask`.
Result<PlaceOfPartition> place_of(
    store::History& history, model::AssetId asset, model::Ordinal ordinal, const AskOwner& ask
);

}  // namespace servo::engine
