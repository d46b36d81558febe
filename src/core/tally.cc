#include "core/tally.h"

#include <algorithm>

namespace servo::core {

void DurationTally::add(Micros duration) {
    const int64_t us = std::max<int64_t>(0, duration.count());
    // An edge counts what is at most as long as it.
    const auto shorter = [us](int64_t edge_ms) { return edge_ms * 1'000 < us; };
    const bool fits = (last == 0 || shorter(kEdgesMs[last - 1])) &&
                      (last == kEdgesMs.size() || !shorter(kEdgesMs[last]));
    if (!fits) {
        const auto edge = std::partition_point(kEdgesMs.begin(), kEdgesMs.end(), shorter);
        last = static_cast<size_t>(edge - kEdgesMs.begin());
    }
    ++counts[last];
    ++total;
    sum_us += us;
}

void Tally::end(TenantId tenant, AssetId asset, EndStatus status, uint64_t count) {
    processed[key(tenant)][static_cast<size_t>(status)] += count;
    asset_processed[key(asset)][static_cast<size_t>(status)] += count;
}

void Tally::attempts_done(TenantId tenant, uint64_t count) {
    attempts_completed[key(tenant)] += count;
}

void Tally::attempt_failed(TenantId tenant, FailureClass klass) {
    ++attempts_failed[key(tenant)][static_cast<size_t>(klass)];
}

}  // namespace servo::core
