#include <gtest/gtest.h>

#include "core/state.h"

namespace servo::core {
namespace {

constexpr Instant kStart = instant_ms(1'767'225'600'000);  // a cell begins
constexpr Millis kEvery{100};

// Ten a second from `began` until `now`, as results come: some at every moment.
RateRing steady(Instant began, Instant now) {
    RateRing ring;
    for (Instant at = began + kEvery; at <= now; at += kEvery) {
        ring.add(at, 1);
    }
    return ring;
}

// Per second.
double rate_now(const RateRing& ring, Instant now, Instant began) {
    return static_cast<double>(ring.milli_per_second(now, kRateNow, Millis(0), began)) / 1'000;
}

double rate_before(const RateRing& ring, Instant now, Instant began) {
    return static_cast<double>(ring.milli_per_second(now, kRateBefore, kRateNow, began)) / 1'000;
}

// Whatever part of the present cell is over, and whatever part of the first one was missed.
TEST(RateRing, ASteadyLoadIsShownAsItIs) {
    for (const Millis began : {Millis(0), Millis(3'300), Millis(9'900)}) {
        for (const Millis age :
             {Millis(15'000),
              Millis(64'700),
              Millis(119'900),
              Millis(400'000),
              Millis(655'100),
              Millis(2'000'300)}) {
            const Instant from = kStart + began;
            const Instant now = from + age;
            const RateRing ring = steady(from, now);
            EXPECT_NEAR(rate_now(ring, now, from), 10, 0.1) << age.count();
            if (age >= Millis(119'900)) {
                EXPECT_NEAR(rate_before(ring, now, from), 10, 0.1) << age.count();
            }
        }
    }
}

TEST(RateRing, ThereIsNoBeforeInTheFirstMinute) {
    const Instant now = kStart + Millis(55'000);
    EXPECT_EQ(rate_before(steady(kStart, now), now, kStart), 0);
}

TEST(RateRing, NowAndBeforeAdjoin) {
    const Instant now = kStart + Millis(124'000);
    RateRing ring;
    ring.add(kStart + Millis(69'999), 7);  // the last moment of before: 70 s of it
    EXPECT_EQ(rate_now(ring, now, kStart), 0);
    EXPECT_EQ(rate_before(ring, now, kStart), 0.1);
    ring.add(kStart + Millis(70'000), 54);
    EXPECT_EQ(rate_now(ring, now, kStart), 1);
    EXPECT_EQ(rate_before(ring, now, kStart), 0.1);
}

TEST(RateRing, AFewMomentsAreASecond) {
    RateRing ring;
    ring.add(kStart + Millis(10), 3);
    EXPECT_EQ(rate_now(ring, kStart + Millis(20), kStart), 3);
    EXPECT_EQ(rate_now(ring, kStart, kStart), 0);
}

TEST(RateRing, ForgetsWhatIsTooOld) {
    const Instant end = kStart + Millis(60'000);
    const RateRing ring = steady(kStart, end);
    EXPECT_EQ(rate_now(ring, end + Millis(70'000), kStart), 0);
    EXPECT_GT(rate_before(ring, end + Millis(70'000), kStart), 0);
    EXPECT_EQ(rate_before(ring, end + Millis(7'200'000), kStart), 0);
}

}  // namespace
}  // namespace servo::core
