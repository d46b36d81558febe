#include "core/breaker.h"

#include <algorithm>

namespace servo::core {

using model::BreakerState;

namespace {

constexpr uint32_t kWindowMask = (1U << kBreakerWindow) - 1;

}  // namespace

void Breaker::become(BreakerState state, Instant now) {
    state_ = state;
    since_ = now;
    ramp_ = 1;
    ramp_successes_ = 0;
    probe_at_ = now + kBreakerProbeEvery;
}

bool Breaker::observe(bool external_failure, Instant now, int64_t full) {
    bits_ = ((bits_ << 1) | (external_failure ? 1U : 0U)) & kWindowMask;
    count_ = std::min(count_ + 1, kBreakerWindow);
    switch (state_) {
        case BreakerState::kClosed:
            if (count_ == kBreakerWindow &&
                external_in_window() * 100 >= kBreakerOpenPercent * kBreakerWindow) {
                become(BreakerState::kOpen, now);
                return true;
            }
            return false;
        case BreakerState::kOpen:
            // Attempts that were under way when it opened end here too: their failures say nothing
            // new, a success is as good as a probe's.
            if (!external_failure) {
                become(BreakerState::kRamping, now);
                return true;
            }
            return false;
        case BreakerState::kRamping:
            if (external_failure) {
                become(BreakerState::kOpen, now);
                return true;
            }
            if (++ramp_successes_ >= ramp_) {
                ramp_ *= 2;
                ramp_successes_ = 0;
            }
            if (ramp_ > std::min(full, kBreakerRampFull)) {
                become(BreakerState::kClosed, now);
                bits_ = 0;
                count_ = 0;
                return true;
            }
            return false;
    }
    return false;
}

int64_t Breaker::available(Instant now) const {
    switch (state_) {
        case BreakerState::kClosed:
            return -1;
        case BreakerState::kOpen:
            return now >= probe_at_ ? 1 : 0;
        case BreakerState::kRamping:
            return ramp_;
    }
    return -1;
}

std::optional<Instant> Breaker::probe_at() const {
    if (state_ != BreakerState::kOpen) {
        return std::nullopt;
    }
    return probe_at_;
}

void Breaker::probe_started(Instant now) {
    probe_at_ = now + kBreakerProbeEvery;
}

void Breaker::restore(BreakerState state, Instant since) {
    bits_ = 0;
    count_ = 0;
    become(state, since);
}

}  // namespace servo::core
