// Time as values. `Instant` is milliseconds since 1970-01-01T00:00:00Z; it has no now(): whoever
// needs the present time is given it.
#pragma once

#include <chrono>
#include <cstdint>

namespace servo {

struct NoClock {
    using rep = int64_t;
    using period = std::milli;
    using duration = std::chrono::milliseconds;
    using time_point = std::chrono::time_point<NoClock, duration>;
};

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;
using Instant = NoClock::time_point;

constexpr Instant instant_ms(int64_t ms) {
    return Instant(Millis(ms));
}
constexpr int64_t to_ms(Instant t) {
    return t.time_since_epoch().count();
}
constexpr Instant kNever = Instant::max();
constexpr Instant kEpochStart = Instant(Millis(0));

}  // namespace servo
