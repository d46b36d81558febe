#include "engine/partition_place.h"

namespace servo::engine {

using namespace model;

std::optional<LiveOwner> live_owner(
    const core::Scheduler& scheduler, AssetId asset, Ordinal ordinal, Instant now
) {
    const auto owner = scheduler.owner(asset, ordinal);
    const auto job = owner ? scheduler.job(owner->first, now) : std::nullopt;
    const auto view = job ? scheduler.partition(owner->first, owner->second, now) : std::nullopt;
    if (!view) {
        return std::nullopt;
    }
    return LiveOwner{job->row, owner->second, *view};
}

Result<PlaceOfPartition> place_of(
    store::History& history, AssetId asset, Ordinal ordinal, const AskOwner& ask
) {
    PlaceOfPartition out;
    // Memory first: what the owner writes and leaves in between is then in the state.
    out.owner = SERVO_TRY(ask(asset, ordinal));
    auto states = SERVO_TRY(history.partition_states(asset, ordinal, ordinal, 1));
    if (!states.empty()) {
        out.state = std::move(states.front());
    }
    return out;
}

}  // namespace servo::engine
