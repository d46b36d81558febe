// How long work may stand behind other work: sizes of ranges, what is taken back of them, what
// comes of a partition that kills its slot process, and what is said of work that waits.
#include <gtest/gtest.h>

#include "core/scheduler_test_support.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

TEST(SlotDeaths, APartitionThatKillsItsSlotProcessBacksOffAndIsQuarantined) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 1));
    Instant retry_at = w.now_;
    for (int death = 1; death <= 3; ++death) {
        w.now_ = std::max(w.now_, retry_at);
        w.ask(1, 1);
        ASSERT_EQ(w.held_[1].size(), 1U) << death;
        w.lose_slot(1, w.held_[1][0]);
        ASSERT_EQ(w.changes_.failures.size(), 1U);
        const FailureRow& row = w.changes_.failures.back();
        EXPECT_EQ(row.deaths, death);
        EXPECT_EQ(row.attempt, 1);
        EXPECT_EQ(row.final, death == 3);
        EXPECT_EQ(row.klass, death == 3 ? FailureClass::kQuarantined : FailureClass::kLost);
        EXPECT_GT(row.retry_at, death == 3 ? Instant{} : w.now_);
        retry_at = row.retry_at;
    }
    EXPECT_TRUE(w.scheduler_->open_jobs().empty());
}

// A batch dies as a whole: nobody knows which of its partitions killed the slot process.
TEST(SlotDeaths, OfSeveralThatDiedWithTheirSlotProcessNoneIsQuarantined) {
    World w;
    AssetSpec& spec = w.asset("orders");
    spec.run.kind = RunnerKind::kBatch;
    spec.run.batch_size = 2;
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 2));
    for (int death = 1; death <= 3; ++death) {
        w.ask(1, 1);
        ASSERT_EQ(w.held_[1].size(), 1U) << death;
        const uint64_t size = w.held_[1][0].size;
        EXPECT_EQ(size, 2U);
        w.lose_slot(1, w.held_[1][0]);
        for (const FailureRow& row : w.changes_.failures) {
            EXPECT_EQ(row.deaths, death);
            EXPECT_FALSE(row.final);
        }
        w.pass(Millis(3'600'000));
        w.executor(1, 1);  // it was silent for long
        w.held_[1].clear();
        w.ack_[1] = 0;
    }
    w.ask(1, 1);
    ASSERT_EQ(w.held_[1].size(), 1U);
    EXPECT_EQ(w.held_[1][0].size, 1U) << "alone at last";
    w.lose_slot(1, w.held_[1][0]);
    ASSERT_EQ(w.changes_.failures.size(), 1U);
    EXPECT_EQ(w.changes_.failures[0].klass, FailureClass::kQuarantined);
}

TEST(Ranges, NothingIsGrantedByTheManyBeforeAResultTellsHowLongItTakes) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 4);
    w.create(w.row(10, 10'000));
    w.ask(1, 4);
    w.executor(2, 4);
    w.pass(Millis(5'000));
    w.ask(2, 4);
    for (const int64_t session : {1, 2}) {
        ASSERT_EQ(w.held_[session].size(), 4U);
        for (const HeldLease& lease : w.held_[session]) {
            EXPECT_EQ(lease.size, 1U);
        }
    }
    // Quick ones come to ranges of a second's work within a few results.
    int results = 0;
    for (uint64_t size = 1; size < 500; ++results) {
        ASSERT_LT(results, 6);
        w.finish(1, HeldLease(w.held_[1].back()), 0, Micros(1'000), 1);
        size = w.held_[1].back().size;
    }
}

// Four leases of ten partitions, and what is asked back of them.
class LimitCut : public testing::Test {
 protected:
    LimitCut() {
        AssetSpec& spec = w.asset("orders");
        w.pool("api", 100);
        spec.pools["api"] = 1;
        DurationRow durations;
        durations.asset = AssetId(1);
        durations.revision = 1;
        durations.stats.add(Micros(100'000), 100);
        w.snapshot_.durations.push_back(durations);
        w.start();
        w.executor(1, 4);
        w.create(w.row(10, 100'000));
        w.ask(1, 4);
        EXPECT_EQ(w.held_[1].size(), 4U);
        for (const HeldLease& lease : w.held_[1]) {
            EXPECT_EQ(lease.size, 10U);
        }
    }
    // The leases, by age, that are asked for their rest within a second.
    std::vector<size_t> asked_back(const Command& command) {
        EXPECT_TRUE(w.apply(command).has_value());
        w.pass(Millis(1'000));
        std::vector<size_t> out;
        for (const LeaseControl& control : w.ask(1, 0).controls) {
            EXPECT_EQ(control.action, LeaseAction::kShrink);
            for (size_t i = 0; i < w.held_[1].size(); ++i) {
                if (w.held_[1][i].lease == control.lease) {
                    out.push_back(i);
                }
            }
        }
        return out;
    }
    World w;
};

TEST_F(LimitCut, OfABackfill) {
    SetJob set;
    set.job = JobId(10);
    set.change.max_concurrency = 1;
    EXPECT_EQ(asked_back(set), (std::vector<size_t>{1, 2, 3}));
}

TEST_F(LimitCut, OfATenant) {
    EXPECT_EQ(
        asked_back(SetTenant{"acme", std::nullopt, 2, std::nullopt, false, kNever, "", "ann"}),
        (std::vector<size_t>{2, 3})
    );
}

TEST_F(LimitCut, OfAnAsset) {
    SetAsset set;
    set.tenant = "acme";
    set.asset = "orders";
    set.concurrency = 3;
    set.until = kNever;
    EXPECT_EQ(asked_back(set), (std::vector<size_t>{3}));
}

TEST_F(LimitCut, OfAPoolAndOfItsWindows) {
    SetPoolSteps steps;
    steps.pool = PoolId(1);
    steps.steps = {{w.now_, 3}};
    EXPECT_EQ(asked_back(steps), (std::vector<size_t>{3}));
    SetPool set;
    set.pool = "api";
    set.concurrency = 0;
    set.until = kNever;
    EXPECT_EQ(asked_back(set), (std::vector<size_t>{0, 1, 2, 3}));
}

TEST_F(LimitCut, NothingIsAskedBackWhereTheLimitHasRoom) {
    SetJob set;
    set.job = JobId(10);
    set.change.max_concurrency = 4;
    EXPECT_TRUE(asked_back(set).empty());
}

TEST_F(LimitCut, WhatStandsBehindAPartitionThatHangsIsAskedBack) {
    for (HeldLease& lease : w.held_[1]) {
        lease.started = 1;
    }
    w.pass(Millis(1'500));
    EXPECT_TRUE(w.ask(1, 0).controls.empty()) << "that they run is heard for the first time";
    w.held_[1][0].started = 2;  // moved on: its first result is on its way
    w.pass(Millis(500));
    const std::vector<LeaseControl> controls = w.ask(1, 0).controls;
    ASSERT_EQ(controls.size(), 3U);
    for (const LeaseControl& control : controls) {
        EXPECT_EQ(control.action, LeaseAction::kShrink);
        EXPECT_EQ(control.size, 1U);
        EXPECT_NE(control.lease, w.held_[1][0].lease);
    }
}

TEST(Explain, SaysSinceWhenAGateHoldsAndNotSinceTheLastGrant) {
    World w;
    w.asset("orders").pools["api"] = 1;
    w.pool("api", 1);
    w.start();
    w.executor(1, 2);
    const Instant created = w.now_;
    w.create(w.row(10, 1'000));
    w.ask(1, 2);
    for (int i = 0; i < 5; ++i) {
        w.pass(Millis(1'000));
        w.finish(1, HeldLease(w.held_[1].at(0)), 0, Micros(2'000'000), 2);
    }
    const auto share = [&] { return w.scheduler_->job(JobId(10), w.now_)->waiting.at(0); };
    EXPECT_EQ(share().gate, Gate::kPoolLimit);
    EXPECT_EQ(share().since, created);
    SetJob set;
    set.job = JobId(10);
    set.change.max_concurrency = 1;
    w.apply(set);
    const Instant limited = w.now_;
    w.pass(Millis(1'000));
    EXPECT_EQ(share().gate, Gate::kJobLimit);
    EXPECT_GE(share().since, limited);
}

TEST(Explain, ABackfillIsNotHeldForLongerThanItExists) {
    World w;
    w.asset("orders").pools["api"] = 1;
    w.pool("api", 1);
    w.start();
    w.executor(1, 1);
    HoldPool hold;
    hold.pool = "api";
    hold.until = kNever;
    hold.actor = "ann";
    ASSERT_TRUE(w.apply(hold).has_value());
    w.pass(Millis(15'000));
    w.executor(1, 1);
    w.create(w.row(10, 5));
    const auto waiting = w.scheduler_->job(JobId(10), w.now_)->waiting.at(0);
    EXPECT_EQ(waiting.gate, Gate::kPoolHeld);
    EXPECT_EQ(waiting.since, w.now_);
}

TEST(Explain, WhatAnExecutorHoldsIsNeitherGatedNorWaitsForASlot) {
    World w;
    w.asset("orders");
    DurationRow durations;
    durations.asset = AssetId(1);
    durations.revision = 1;
    durations.stats.add(Micros(100'000), 100);
    w.snapshot_.durations.push_back(durations);
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 100));
    w.ask(1, 1);
    const uint64_t held = w.held_[1].at(0).size;
    ASSERT_GT(held, 1U);
    const auto meter = [&w] { return w.scheduler_->meters(JobId{}, 1, w.now_).at(0); };
    EXPECT_EQ(meter().running, 1U);
    EXPECT_EQ(meter().eligible, 100 - held);
    EXPECT_EQ(meter().gated, 0U);
    const auto release = [&w](Index index) {
        return w.scheduler_->partition(JobId(10), index, w.now_)->waiting.release;
    };
    EXPECT_EQ(release(1), "Their turn on the executor that holds them.");
    EXPECT_EQ(release(held), "A free slot; servo status tells how many there are.");
    w.apply(PauseJob{JobId(10), PauseMode::kDrain, "", kNever, "ann"});
    EXPECT_EQ(meter().eligible, 0U);
    EXPECT_EQ(meter().gated, 100 - held);
}

TEST(Explain, ASequentialAssetSaysWhichBackfillHasItsSlot) {
    World w;
    w.asset("ledger").sequential = true;
    w.start();
    w.executor(1, 2);
    w.create(w.row(10, 5));
    w.ask(1, 2);
    w.create(w.row(11, 5, 1, 100));
    const auto waiting = [&w](int64_t id) {
        return w.scheduler_->job(JobId(id), w.now_)->waiting.at(0);
    };
    EXPECT_EQ(waiting(10).gate, Gate::kSequential);
    EXPECT_EQ(waiting(10).release, "The partition before it.");
    EXPECT_EQ(waiting(11).gate, Gate::kSequential);
    EXPECT_EQ(waiting(11).release, "The partition of " + to_text(JobId(10)) + " that runs.");
}

}  // namespace
}  // namespace servo::core
