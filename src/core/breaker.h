// The circuit breaker of a pool. A dependency's failure is not a partition's failure: while the
// breaker is open, work that needs the pool is parked, one probe goes out at a time, and recovery
// ramps up. A plain value.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "model/pool.h"

namespace servo::core {

constexpr int kBreakerWindow = 20;       // attempts looked at
constexpr int kBreakerOpenPercent = 50;  // share of external failures that opens it
constexpr Millis kBreakerProbeEvery{30'000};
constexpr int64_t kBreakerRampFull =
    1'024;  // units at once beyond which a ramp is over, if not before

class Breaker {
 public:
    // Books one finished attempt. Returns true when the state changed. A ramp is over when it lets
    // through more than `full` units, those that the pool has; then the breaker forgets what opened
    // it.
    bool observe(bool external_failure, Instant now, int64_t full = kBreakerRampFull);

    model::BreakerState state() const { return state_; }
    Instant since() const { return since_; }

    // Units that may be in use at once: -1 = the breaker does not limit; 0 = none until `probe_at`.
    // While open, 1 once the probe is due.
    int64_t available(Instant now) const;
    std::optional<Instant> probe_at() const;  // when the next probe may go out, while open
    // A lease that needs the pool was given while open: it is the probe.
    void probe_started(Instant now);

    // The last attempts whatever the state: what opened it can still be seen while it is open.
    int attempts_in_window() const { return count_; }
    int external_in_window() const { return __builtin_popcount(bits_); }

    // Begins anew in a stored state, or in the one that somebody set; an open breaker probes after
    // one interval.
    void restore(model::BreakerState state, Instant since);

 private:
    void become(model::BreakerState state, Instant now);

    model::BreakerState state_ = model::BreakerState::kClosed;
    Instant since_;
    uint32_t bits_ = 0;  // last attempts, newest in bit 0; 1 = external failure
    int count_ = 0;
    Instant probe_at_;
    int64_t ramp_ = 1;
    int64_t ramp_successes_ = 0;
};

}  // namespace servo::core
