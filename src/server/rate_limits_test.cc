#include "server/rate_limits.h"

#include <gtest/gtest.h>

namespace servo::server {
namespace {

TEST(RateLimits, ABurstIsServedThenTheRateHolds) {
    RateLimits limits;
    Instant now = instant_ms(1'000);
    for (int64_t i = 0; i < kTenantRate.burst; ++i) {
        ASSERT_TRUE(limits.take("a", api::Role::kWrite, now)) << i;
    }
    const Status refused = limits.take("a", api::Role::kWrite, now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "rate_limited");
    EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
    EXPECT_GT(refused.error().retry_after_s, 0);
    EXPECT_TRUE(limits.take("b", api::Role::kWrite, now)) << "each token has a bucket of its own";
    int64_t served = 0;
    for (int i = 0; i < 1'000; ++i) {
        now += Millis(1);
        served += limits.take("a", api::Role::kWrite, now) ? 1 : 0;
    }
    EXPECT_EQ(served, kTenantRate.per_second);
    now += Millis(3'600'000);
    served = 0;
    for (int i = 0; i < 1'000; ++i) {
        served += limits.take("a", api::Role::kWrite, now) ? 1 : 0;
    }
    EXPECT_EQ(served, kTenantRate.burst) << "an idle token saves up a burst and no more";
}

TEST(RateLimits, WhatATokenAsksInOneRoleCostsNothingInAnother) {
    RateLimits limits;
    const Instant now = instant_ms(1'000);
    while (limits.take("a", api::Role::kAdmin, now)) {
    }
    EXPECT_TRUE(limits.take("a", api::Role::kExecutor, now));
    EXPECT_FALSE(limits.take("a", api::Role::kAdmin, now));
}

TEST(RateLimits, NoTokenIsNotLimited) {
    RateLimits limits;
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_TRUE(limits.take("", api::Role::kAdmin, kEpochStart));
    }
}

}  // namespace
}  // namespace servo::server
