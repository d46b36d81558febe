#include "core/retry_rules.h"

#include <gtest/gtest.h>

namespace servo::core {
namespace {

const Instant kNow = instant_ms(1'000'000);

RetryDecision decide(
    FailureClass klass, int attempt, RetryPolicy policy = {}, JobSettings job = {}
) {
    Prng prng(1);
    return decide_retry(policy, job, {klass, attempt, kNow, Millis(0)}, kNow, prng);
}

// Attempts that each class gets by default (docs/reference/partition_programs.md).
TEST(RetryRules, DefaultAttemptsByClass) {
    struct Row {
        FailureClass klass;
        int attempts;
    };
    for (const Row& row : {
             Row{FailureClass::kTransient, 3},
             Row{FailureClass::kData, 1},
             Row{FailureClass::kTimeout, 2},
             Row{FailureClass::kResource, 2},
             Row{FailureClass::kCrash, 2},
             Row{FailureClass::kError, 2},
             Row{FailureClass::kAuth, 1},
             Row{FailureClass::kConfiguration, 1},
         }) {
        for (int attempt = 1; attempt < row.attempts; ++attempt) {
            const RetryDecision d = decide(row.klass, attempt);
            EXPECT_FALSE(d.final) << to_string(row.klass) << attempt;
            EXPECT_EQ(d.next_attempt, attempt + 1);
        }
        EXPECT_TRUE(decide(row.klass, row.attempts).final) << to_string(row.klass);
    }
}

TEST(RetryRules, LostSpendsNothingAndRunsAtOnce) {
    const RetryDecision d = decide(FailureClass::kLost, 7);
    EXPECT_FALSE(d.final);
    EXPECT_EQ(d.next_attempt, 7);
    EXPECT_EQ(d.retry_at, kNow);
}

TEST(RetryRules, LostWithItsSlotProcessBacksOffAndSpendsNothing) {
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Prng prng(seed);
        for (const auto& [deaths, cap_ms] : {std::pair{1, 5'000}, {2, 10'000}}) {
            const FailedAttempt failed{FailureClass::kLost, 1, kNow, Millis(0), deaths};
            const RetryDecision d = decide_retry({}, {}, failed, kNow, prng);
            EXPECT_FALSE(d.final);
            EXPECT_EQ(d.next_attempt, 1);
            EXPECT_GE(d.retry_at, kNow);
            EXPECT_LE(d.retry_at, kNow + Millis(cap_ms));
        }
    }
    Prng prng(1);
    const FailedAttempt failed{FailureClass::kLost, 1, kNow, Millis(0), 2};
    EXPECT_GT(decide_retry({}, {}, failed, kNow, prng).retry_at, kNow);
}

TEST(RetryRules, ExternalSpendsNothingUntilItsTimeIsOver) {
    Prng prng(1);
    RetryPolicy policy;
    FailedAttempt failed{FailureClass::kExternal, 1, kNow, Millis(0)};
    const RetryDecision early = decide_retry(policy, {}, failed, kNow + Millis(60'000), prng);
    EXPECT_FALSE(early.final);
    EXPECT_EQ(early.next_attempt, 1);
    EXPECT_GE(early.retry_at, kNow + Millis(90'000));
    EXPECT_LE(early.retry_at, kNow + Millis(120'000));
    EXPECT_TRUE(decide_retry(policy, {}, failed, kNow + policy.external_max_elapsed, prng).final);
}

TEST(RetryRules, BackoffIsFullJitterUnderTheCappedExponential) {
    RetryPolicy policy;
    policy.max_attempts = 100;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        Prng prng(seed);
        for (const auto& [attempt, cap_ms] : {std::pair{1, 5'000}, {2, 10'000}, {40, 300'000}}) {
            const RetryDecision d = decide_retry(
                policy, {}, {FailureClass::kTransient, attempt, kNow, Millis(0)}, kNow, prng
            );
            EXPECT_GE(d.retry_at, kNow);
            EXPECT_LE(d.retry_at, kNow + Millis(cap_ms));
        }
    }
}

TEST(RetryRules, TheProgramMayAskForMoreTime) {
    Prng prng(1);
    const RetryDecision d =
        decide_retry({}, {}, {FailureClass::kTransient, 1, kNow, Millis(600'000)}, kNow, prng);
    EXPECT_GE(d.retry_at, kNow + Millis(600'000));
}

TEST(RetryRules, JobSettingOverrulesTheAsset) {
    JobSettings job;
    job.max_attempts = 5;
    RetryPolicy policy;
    policy.by_class[FailureClass::kTimeout] = 1;
    EXPECT_FALSE(decide(FailureClass::kTimeout, 4, policy, job).final);
    EXPECT_TRUE(decide(FailureClass::kTimeout, 5, policy, job).final);
}

TEST(RetryRules, TooManyFailures) {
    JobCounters counters;
    counters.completed = 47;
    counters.failed = 2;
    EXPECT_FALSE(too_many_failures({0, 5, 50}, counters));  // 49 ended: too few to judge
    counters.failed = 3;
    EXPECT_TRUE(too_many_failures({0, 5, 50}, counters));  // 3 of 50 > 5 %
    EXPECT_FALSE(too_many_failures({3, 0, 0}, counters));
    counters.failed = 4;
    EXPECT_TRUE(too_many_failures({3, 0, 0}, counters));
    EXPECT_FALSE(too_many_failures({0, 0, 0}, counters));
}

}  // namespace
}  // namespace servo::core
