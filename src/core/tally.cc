#include "core/tally.h"

#include <algorithm>

namespace servo::core {

void DurationTally::add(Micros duration) {
    const int64_t us = std::max<int64_t>(0, duration.count());
    // An edge counts what is at most as long as it.
    const int64_t ms = (us + 999) / 1'000;
    const auto edge = std::lower_bound(kEdgesMs.begin(), kEdgesMs.end(), ms);
    ++counts[static_cast<size_t>(edge - kEdgesMs.begin())];
    ++total;
    sum_us += us;
}

}  // namespace servo::core
