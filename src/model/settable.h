// Bounds of what people set, in the asset file and in overrides alike. 0 is no limit where there
// can be none, but in the override of a pool, which it closes.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace servo::model {

constexpr int64_t kConcurrencyMax = 1'000'000;  // slots, partitions or units at once

// Of one attempt.
constexpr Millis kTimeoutMin{100};
constexpr Millis kTimeoutMax{30LL * 86'400'000};

// Of one partition.
constexpr int64_t kMemoryMin = 1 << 20;
constexpr int64_t kMemoryMax = 64LL << 40;

constexpr int kAttemptsMax = 100;

}  // namespace servo::model
