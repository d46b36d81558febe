// Reads the materialised state of many partitions in pieces that the store can answer. For any
// thread.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace servo::store {

constexpr int kStateRunsPerRead = 10'000;  // more than one block of the store can hold

// Calls `take` with the runs of consecutive pieces of [first, last], in ascending order of the
// pieces; runs within a piece may interleave. Ends early when `take` returns false.
// Error: the store's.
Status scan_states(
    History& history,
    model::AssetId asset,
    model::Ordinal first,
    model::Ordinal last,
    const std::function<bool(const std::vector<History::StateRun>&)>& take
);

}  // namespace servo::store
