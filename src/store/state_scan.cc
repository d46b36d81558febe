#include "store/state_scan.h"

#include <algorithm>

namespace servo::store {

Status scan_states(
    History& history,
    AssetId asset,
    Ordinal first,
    Ordinal last,
    const std::function<bool(const std::vector<History::StateRun>&)>& take
) {
    // Distances are unsigned: the ordinals of a product may span nearly the whole range.
    const auto distance = [](Ordinal from, Ordinal to) {
        return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
    };
    uint64_t span = first <= last ? distance(first, last) : 0;
    while (first <= last) {
        const uint64_t step = std::min(span, distance(first, last));
        const Ordinal end = static_cast<Ordinal>(static_cast<uint64_t>(first) + step);
        const auto states = history.partition_states(asset, first, end, kStateRunsPerRead);
        if (!states && states.error().reason == "too_many_runs" && step > 0) {
            span = step / 2;
            continue;
        }
        if (!states) {
            return fail(states.error());
        }
        if (!take(*states) || end == last) {
            break;
        }
        first = end + 1;
        // Grows again where the state is less fragmented.
        span = states->size() < kStateRunsPerRead / 4 ? std::max<uint64_t>(1, span) * 2 : span;
    }
    return {};
}

}  // namespace servo::store
