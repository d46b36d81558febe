// How long work waits for its first slot, and what is counted of it.
#include "core/scheduler_test_support.h"

namespace servo::core {
namespace {

TEST(Claims, TalliesWhatEndsAndHowLongItTook) {
    World w;
    w.asset("orders").retries.max_attempts = 1;
    w.start();
    w.create(w.row(10, 2));
    w.pass(Millis(61'000));  // claimable, and no executor to take it
    EXPECT_EQ(
        w.scheduler_->meters(JobId{}, 10, w.now_)[0].claimable_since, w.now_ - Millis(61'000)
    );
    w.executor(1, 2);
    w.ask(1, 2);
    EXPECT_FALSE(w.scheduler_->meters(JobId{}, 10, w.now_)[0].claimable_since);
    w.fail_one(1, w.held_[1][0], FailureClass::kData);
    w.finish(1, w.held_[1][0], 0, Micros(20'000), 0);
    const Tally& tally = w.scheduler_->tally();
    EXPECT_EQ(tally.processed.at(TenantId(1)), (EndCounts{1, 1, 0}));
    EXPECT_EQ(tally.asset_processed.at(AssetId(1)), (EndCounts{1, 1, 0}));
    EXPECT_EQ(tally.attempts_completed.at(TenantId(1)), 1u);
    EXPECT_EQ(tally.attempts_failed.at(TenantId(1))[static_cast<size_t>(FailureClass::kData)], 1u);
    EXPECT_EQ(tally.claim_latency.total, 1u);
    EXPECT_EQ(tally.claim_latency.sum_us, 61'000'000);
    EXPECT_EQ(tally.completed_duration.total, 1u);
    EXPECT_EQ(tally.job_duration[static_cast<size_t>(FinalState::kFailed)].total, 1u);
}

TEST(Claims, PausedAndGatedWorkIsNotClaimable) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 5));
    w.pass(Millis(5'000));
    w.apply(PauseJob{JobId(10), PauseMode::kDrain, "", kNever, "ann"});
    const JobMeter paused = w.scheduler_->meters(JobId{}, 10, w.now_)[0];
    EXPECT_FALSE(paused.claimable_since);
    EXPECT_EQ(paused.gated, 5u);
    EXPECT_EQ(paused.eligible, 0u);
    w.pass(Millis(5'000));
    w.apply(ResumeJob{JobId(10), "ann"});
    // Anew after a resume.
    EXPECT_EQ(w.scheduler_->meters(JobId{}, 10, w.now_)[0].claimable_since, w.now_);
}

TEST(Claims, WorkThatNoExecutorInServiceCanTakeIsNotClaimable) {
    World w;
    w.asset("orders").labels["gpu"] = "yes";
    w.start();
    w.create(w.row(10, 5));
    const auto meter = [&] { return w.scheduler_->meters(JobId{}, 10, w.now_)[0]; };
    EXPECT_TRUE(meter().claimable_since);  // nobody is in service: an executor is late
    w.executor(1, 2);
    EXPECT_FALSE(meter().claimable_since);
    EXPECT_EQ(meter().gated, 5u);
}

TEST(Claims, WhatAPoolHoldsIsGatedAlsoWithoutAnExecutor) {
    World w;
    w.pool("db", 1);
    w.asset("orders").pools["db"] = 1;
    w.start();
    w.create(w.row(10, 5));
    ASSERT_TRUE(w.apply(HoldPool{"", "db", false, kNever, "", "ann"}).has_value());
    const JobMeter meter = w.scheduler_->meters(JobId{}, 10, w.now_)[0];
    EXPECT_EQ(meter.gated, 5u);
    EXPECT_EQ(meter.eligible, 0u);
    EXPECT_FALSE(meter.claimable_since);
}

// What a pool held back is no latency of the executors once it is released.
TEST(Claims, ClaimLatencyBeginsWhenNothingButASlotIsMissing) {
    World w;
    w.asset("orders").pools["warehouse"] = 1;
    w.pool("warehouse", 1);
    w.start();
    w.executor(1, 1);
    w.apply(HoldPool{"", "warehouse", false, kNever, "", "ann"});
    w.create(w.row(10, 5));
    for (int second = 0; second < 60; ++second) {
        w.pass(Millis(1'000));
        w.ask(1, 0);
    }
    w.apply(HoldPool{"", "warehouse", true, kNever, "", "ann"});
    EXPECT_LE(
        w.now_ - *w.scheduler_->meters(JobId{}, 10, w.now_)[0].claimable_since, Millis(1'000)
    );
    w.pass(Millis(500));
    w.ask(1, 1);
    EXPECT_EQ(w.scheduler_->tally().claim_latency.total, 1U);
    EXPECT_LE(w.scheduler_->tally().claim_latency.sum_us, 1'500'000);
}

// Others were served before it since then: it has no slot, but had its first lease.
TEST(Claims, WhatWasClaimedOnceIsNotClaimable) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 5));
    w.ask(1, 1);
    ASSERT_EQ(w.state(10), JobState::kRunning);
    w.fail_one(1, w.held_[1][0], FailureClass::kLost);
    w.pass(Millis(90'000));
    const JobMeter meter = w.scheduler_->meters(JobId{}, 10, w.now_)[0];
    EXPECT_EQ(meter.slots, 0);
    EXPECT_GT(meter.eligible, 0U);
    EXPECT_FALSE(meter.claimable_since);
}

TEST(Claims, ClaimsAreKeptWithTheJobAsTheyAreCounted) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 1'000));
    w.pass(Millis(7'000));
    w.executor(1, 1);
    w.ask(1, 1);
    std::vector<Claim> expected = {{w.now_, Millis(7'000)}};
    ASSERT_EQ(w.changes_.jobs.size(), 1U);
    EXPECT_EQ(w.changes_.jobs[0].claims, expected);
    for (size_t i = 1; i <= kClaimsMax; ++i) {
        w.finish(1, w.held_[1][0], 0, Micros(1'000'000), 0);
        w.apply(PauseJob{JobId(10), PauseMode::kDrain, "", kNever, "ann"});
        w.apply(ResumeJob{JobId(10), "ann"});
        w.now_ += Millis(static_cast<int64_t>(i));
        w.ask(1, 1);
        expected.push_back({w.now_, Millis(static_cast<int64_t>(i))});
    }
    expected.erase(expected.begin());  // the oldest made room
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->row.claims, expected);
    EXPECT_EQ(w.scheduler_->tally().claim_latency.total, kClaimsMax + 1);
}

}  // namespace
}  // namespace servo::core
