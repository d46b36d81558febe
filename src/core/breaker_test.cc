#include "core/breaker.h"

#include <gtest/gtest.h>

namespace servo::core {
namespace {

using model::BreakerState;

const Instant kNow = instant_ms(1'000'000);

Breaker opened() {
    Breaker breaker;
    for (int i = 0; i < kBreakerWindow; ++i) {
        breaker.observe(i % 2 == 0, kNow);
    }
    return breaker;
}

TEST(Breaker, OpensAtHalfOfTheLastTwenty) {
    Breaker breaker;
    for (int i = 0; i < 19; ++i) {
        EXPECT_FALSE(breaker.observe(true, kNow));
    }
    EXPECT_TRUE(breaker.observe(true, kNow));
    EXPECT_EQ(breaker.state(), BreakerState::kOpen);
    EXPECT_EQ(opened().state(), BreakerState::kOpen);
}

TEST(Breaker, StaysClosedBelowHalf) {
    Breaker breaker;
    for (int i = 0; i < 1'000; ++i) {
        breaker.observe(i % 20 < 9, kNow);
        EXPECT_EQ(breaker.state(), BreakerState::kClosed);
    }
}

TEST(Breaker, OneProbeEveryThirtySeconds) {
    Breaker breaker = opened();
    EXPECT_EQ(breaker.available(kNow), 0);
    EXPECT_EQ(breaker.available(kNow + Millis(29'999)), 0);
    const Instant due = kNow + kBreakerProbeEvery;
    EXPECT_EQ(breaker.available(due), 1);
    breaker.probe_started(due);
    EXPECT_EQ(breaker.available(due), 0);
    breaker.observe(true, due + Millis(10));
    EXPECT_EQ(breaker.state(), BreakerState::kOpen);
    EXPECT_EQ(breaker.available(due + kBreakerProbeEvery), 1);
}

TEST(Breaker, RampsUpByDoublingAndClosesWhenFull) {
    Breaker breaker = opened();
    breaker.observe(false, kNow);
    EXPECT_EQ(breaker.state(), BreakerState::kRamping);
    EXPECT_EQ(breaker.available(kNow), 1);
    breaker.observe(false, kNow);
    EXPECT_EQ(breaker.available(kNow), 2);
    breaker.observe(false, kNow);
    breaker.observe(false, kNow);
    EXPECT_EQ(breaker.available(kNow), 4);
    for (int i = 0; i < 4'000 && breaker.state() == BreakerState::kRamping; ++i) {
        breaker.observe(false, kNow);
    }
    EXPECT_EQ(breaker.state(), BreakerState::kClosed);
    EXPECT_EQ(breaker.available(kNow), -1);
}

TEST(Breaker, WhatOpenedItCanBeSeenWhileItIsOpen) {
    Breaker breaker = opened();
    EXPECT_EQ(breaker.attempts_in_window(), kBreakerWindow);
    EXPECT_EQ(breaker.external_in_window(), kBreakerWindow / 2);
    breaker.observe(true, kNow + kBreakerProbeEvery);  // a probe; its failure is one more
    EXPECT_EQ(breaker.attempts_in_window(), kBreakerWindow);
    EXPECT_EQ(breaker.external_in_window(), kBreakerWindow / 2);
    breaker.observe(true, kNow + 2 * kBreakerProbeEvery);
    EXPECT_EQ(breaker.external_in_window(), kBreakerWindow / 2 + 1);
}

TEST(Breaker, WhatClosedDoesNotOpenByWhatWasBefore) {
    Breaker breaker = opened();
    while (breaker.state() != BreakerState::kClosed) {
        breaker.observe(false, kNow);
    }
    EXPECT_EQ(breaker.external_in_window(), 0);
    EXPECT_EQ(breaker.attempts_in_window(), 0);
    for (int i = 1; i < kBreakerWindow; ++i) {
        EXPECT_FALSE(breaker.observe(true, kNow));
    }
    EXPECT_TRUE(breaker.observe(true, kNow));
}

TEST(Breaker, ARampIsOverWhenAllThatThePoolHasMayBeUsed) {
    for (const auto& [units, successes] : {std::pair(1, 1), {2, 3}, {4, 7}, {5, 7}}) {
        Breaker breaker = opened();
        breaker.observe(false, kNow, units);  // the probe
        int ramp = 0;
        while (breaker.state() == BreakerState::kRamping) {
            breaker.observe(false, kNow, units);
            ++ramp;
        }
        EXPECT_EQ(breaker.state(), BreakerState::kClosed);
        EXPECT_EQ(ramp, successes) << units;
    }
}

TEST(Breaker, WhatSomebodyClosedBeginsAnew) {
    Breaker breaker = opened();
    breaker.restore(BreakerState::kClosed, kNow);
    EXPECT_EQ(breaker.attempts_in_window(), 0);
    for (int i = 1; i < kBreakerWindow; ++i) {
        EXPECT_FALSE(breaker.observe(true, kNow));
    }
}

TEST(Breaker, AFailureWhileRampingOpensAgain) {
    Breaker breaker = opened();
    breaker.observe(false, kNow);
    EXPECT_TRUE(breaker.observe(true, kNow));
    EXPECT_EQ(breaker.state(), BreakerState::kOpen);
}

}  // namespace
}  // namespace servo::core
