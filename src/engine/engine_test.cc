#include "engine/engine.h"

#include <gtest/gtest.h>

#include "store/memory/memory_store.h"

namespace servo::engine {
namespace {

using store::Fault;

const Instant kStart = instant_ms(1'700'000'000'000);

class EngineTest : public testing::Test {
 protected:
    void SetUp() override { ASSERT_TRUE(engine_.start(kStart).has_value()); }

    // Queues `command`; the answer lands in the returned slot once it is given.
    std::shared_ptr<std::optional<Result<core::Reply>>> submit(core::Command command) {
        auto slot = std::make_shared<std::optional<Result<core::Reply>>>();
        engine_.submit({std::move(command), [slot](auto reply) { *slot = std::move(reply); }, {}});
        return slot;
    }
    core::Command apply_asset(const std::string& name) {
        core::ApplyDefinitions apply;
        model::AssetSpec spec;
        spec.name = name;
        model::StaticKeys keys;
        for (int i = 0; i < 100; ++i) {
            keys.keys.push_back("k" + std::to_string(i));
        }
        spec.partitions.dimensions.push_back({"", keys});
        spec.run.argv = {"true"};
        apply.tenants.push_back({"acme", {spec}, {}});
        apply.actor = "ann";
        return apply;
    }
    core::Command create(int64_t id) {
        model::JobRow row;
        row.id = model::JobId(id);
        row.tenant = model::TenantId(1);
        row.asset = model::AssetId(1);
        row.revision = 1;
        row.ordinals =
            std::make_shared<model::OrdinalView>(std::vector<model::OrdinalRun>{{0, 100, 1}});
        return core::CreateJobs{{row}};
    }
    core::Command register_executor(int64_t session) {
        model::RegisterRequest request;
        request.executor = "x";
        request.session = model::SessionId(session);
        request.slots = 2;
        return core::RegisterExecutor{request};
    }
    core::Command acquire(int64_t session, int64_t call) {
        model::CallRequest request;
        request.kind = model::CallKind::kAcquire;
        request.session = model::SessionId(session);
        request.call = call;
        request.free_slots = 1;
        return core::ExecutorCall{request};
    }
    core::Command report(int64_t session, int64_t call) {
        model::CallRequest request;
        request.session = model::SessionId(session);
        request.call = call;
        return core::ExecutorCall{request};
    }
    void step(Millis by = Millis(1)) { engine_.step(now_ += by); }

    store::MemoryStore store_;
    Engine engine_{store_, {"test"}, 1};
    Instant now_ = kStart;
};

TEST_F(EngineTest, NobodyIsAnsweredBeforeTheCommit) {
    const auto applied = submit(apply_asset("orders"));
    EXPECT_FALSE(applied->has_value());
    step();
    ASSERT_TRUE(applied->has_value());
    EXPECT_TRUE((*applied)->has_value());
    EXPECT_EQ(engine_.status().seq, 1);
}

TEST_F(EngineTest, AParkedAcquireIsAnsweredInItsTimeHoweverOftenItIsWoken) {
    submit(register_executor(7));
    step();
    const auto parked = submit(acquire(7, 1));
    for (int second = 0; second < 20; ++second) {
        EXPECT_FALSE(parked->has_value());
        submit(apply_asset("orders-" + std::to_string(second)));  // wakes it, in vain
        submit(report(7, second + 1));  // the acquire alone keeps nobody alive
        step(Millis(1'000));
    }
    step(Millis(1'000));
    ASSERT_TRUE(parked->has_value());
    EXPECT_TRUE((*parked)->has_value());
}

TEST_F(EngineTest, OneCommitHoldsEverythingThatArrived) {
    submit(apply_asset("orders"));
    step();
    const auto a = submit(register_executor(5));
    const auto b = submit(create(7));
    step();
    EXPECT_TRUE((*a)->has_value());
    EXPECT_TRUE((*b)->has_value());
    EXPECT_EQ(engine_.status().seq, 2);
}

TEST_F(EngineTest, WhatChangesNothingCommitsNothing) {
    submit(apply_asset("orders"));
    step();
    const auto again = submit(apply_asset("orders"));
    step();
    EXPECT_FALSE(std::get<core::ApplyReply>(**(*again)).changed());
    EXPECT_EQ(engine_.status().seq, 1);
}

class UnknownCommit : public EngineTest, public testing::WithParamInterface<Fault> {};

TEST_P(UnknownCommit, IsAnsweredUnavailableAndLookedUpUnderANewEpoch) {
    submit(apply_asset("orders"));
    step();
    const int64_t epoch = engine_.status().epoch;
    store_.fail_next(GetParam());
    const auto created = submit(create(7));
    step();
    ASSERT_TRUE(created->has_value());
    EXPECT_EQ((*created)->error().code, ErrorCode::kUnavailable);
    EXPECT_GT(engine_.status().epoch, epoch);
    EXPECT_EQ(engine_.status().state, EngineState::kLeading);
    const bool there = engine_.scheduler()->job(model::JobId(7), now_).has_value();
    EXPECT_EQ(there, GetParam() == Fault::kUnknownCommitted);
    EXPECT_EQ(engine_.scheduler()->check_invariants(), "");
}
INSTANTIATE_TEST_SUITE_P(
    Fates, UnknownCommit, testing::Values(Fault::kUnknownCommitted, Fault::kUnknownLost)
);

TEST_F(EngineTest, ARefusedBatchRunsOneByOneSoThatOnlyTheGuiltyIsRefused) {
    submit(apply_asset("orders"));
    step();
    store_.fail_next(Fault::kRefused, 2);  // the batch, then its first command alone
    const auto first = submit(create(7));
    model::JobRow other = std::get<core::CreateJobs>(create(8)).jobs[0];
    other.ordinals =
        std::make_shared<model::OrdinalView>(std::vector<model::OrdinalRun>{{500, 10, 1}});
    const auto second = submit(core::CreateJobs{{other}});
    for (int i = 0; i < 5; ++i) {
        step();
    }
    EXPECT_EQ((*first)->error().reason, "refused_by_store");
    EXPECT_TRUE((*second)->has_value());
    EXPECT_FALSE(engine_.scheduler()->job(model::JobId(7), now_));
}

TEST_F(EngineTest, ATickThatIsRefusedIsTriedAgainAfterAPause) {
    submit(apply_asset("orders"));
    submit(create(7));
    step();
    core::PauseJob pause;
    pause.job = model::JobId(7);
    pause.until = now_ + Millis(1'500);
    submit(pause);
    step();
    store_.fail_next(Fault::kRefused);
    step(Millis(1'500));
    const auto state = [&] { return engine_.scheduler()->job(model::JobId(7), now_)->row.state; };
    EXPECT_EQ(engine_.status().state, EngineState::kLeading);
    const auto other = submit(apply_asset("refunds"));
    step(Millis(500));
    EXPECT_TRUE((*other)->has_value()) << "commands go on";
    EXPECT_EQ(state(), model::JobState::kPaused);
    step(Millis(500));
    EXPECT_EQ(state(), model::JobState::kResuming);
}

TEST_F(EngineTest, WhatIsUnknownAgainAfterALoadWaitsForTheNext) {
    submit(apply_asset("orders"));
    step();
    store_.fail_next(Fault::kUnknownLost, 2);
    submit(create(7));
    step();
    EXPECT_EQ(engine_.status().state, EngineState::kLeading);
    const auto again = submit(create(7));
    step();
    EXPECT_EQ((*again)->error().reason, "not_leading");
    EXPECT_EQ(engine_.status().state, EngineState::kStarting);
    EXPECT_EQ(engine_.status().reloads, 1);
    step(Millis(1'000));
    EXPECT_EQ(engine_.status().state, EngineState::kLeading);
    const auto created = submit(create(7));
    step();
    EXPECT_TRUE((*created)->has_value());
}

TEST_F(EngineTest, AFullDiskIsReadOnlyUntilThereIsRoom) {
    submit(apply_asset("orders"));
    step();
    store_.fail_next(Fault::kFull);
    const auto refused = submit(create(7));
    step();
    EXPECT_EQ((*refused)->error().reason, "disk_full");
    EXPECT_EQ(engine_.status().state, EngineState::kReadOnly);
    const auto still = submit(create(7));
    step();
    EXPECT_EQ((*still)->error().reason, "disk_full");
    bool read = false;
    engine_.read([&read](const core::Scheduler&, Instant) { read = true; });
    step();
    EXPECT_TRUE(read) << "what is committed can be shown meanwhile";
    step(Millis(1'000));
    EXPECT_EQ(engine_.status().state, EngineState::kLeading);
    const auto created = submit(create(7));
    step();
    EXPECT_TRUE((*created)->has_value());
}

TEST_F(EngineTest, ABrokenStoreEndsTheEngine) {
    store_.fail_next(Fault::kBroken);
    const auto answer = submit(apply_asset("orders"));
    step();
    EXPECT_FALSE((*answer)->has_value());
    EXPECT_EQ(engine_.status().state, EngineState::kBroken);
    const auto later = submit(apply_asset("orders"));
    step(Millis(5'000));
    EXPECT_FALSE((*later)->has_value());
}

TEST_F(EngineTest, AnAcquireIsParkedUntilThereIsWork) {
    submit(apply_asset("orders"));
    submit(register_executor(5));
    step();
    const auto parked = submit(acquire(5, 1));
    step();
    EXPECT_FALSE(parked->has_value());
    EXPECT_EQ(engine_.status().parked, 1U);
    submit(create(7));
    step();  // the work and its first grant are one commit
    ASSERT_TRUE(parked->has_value());
    EXPECT_EQ(std::get<model::CallReply>(**(*parked)).grants.size(), 1U);
}

TEST_F(EngineTest, AParkedAcquireIsAnsweredEmptyWhenItsTimeIsOver) {
    submit(register_executor(5));
    step();
    const auto parked = submit(acquire(5, 1));
    step();
    step(model::kAcquireParkMax);
    ASSERT_TRUE(parked->has_value());
    EXPECT_TRUE(std::get<model::CallReply>(**(*parked)).empty());
}

TEST_F(EngineTest, AFullQueueRefusesAtOnce) {
    for (size_t i = 0; i < kQueueMax; ++i) {
        submit(core::Tick{});
    }
    const auto one_more = submit(core::Tick{});
    ASSERT_TRUE(one_more->has_value());
    EXPECT_EQ((*one_more)->error().reason, "queue_full");
}

TEST_F(EngineTest, AStandstillOfTheLeaderKillsNobody) {
    submit(apply_asset("orders"));
    submit(register_executor(5));
    submit(create(7));
    step();
    const auto granted = submit(acquire(5, 1));
    step();
    ASSERT_TRUE(granted->has_value());
    step(Millis(60'000));
    EXPECT_EQ(engine_.scheduler()->job(model::JobId(7), now_)->slots, 1);
    step(Millis(1'000));
    for (int i = 0; i < 12; ++i) {
        step(Millis(1'000));
    }
    EXPECT_EQ(engine_.scheduler()->job(model::JobId(7), now_)->slots, 0);
}

TEST_F(EngineTest, AFailedJobComesBackForItsRetry) {
    submit(apply_asset("orders"));
    submit(register_executor(5));
    model::JobRow row = std::get<core::CreateJobs>(create(7)).jobs[0];
    row.ordinals = std::make_shared<model::OrdinalView>(std::vector<model::OrdinalRun>{{0, 1, 1}});
    submit(core::CreateJobs{{row}});
    step();
    const auto granted = submit(acquire(5, 1));
    step();
    const model::Grant grant = std::get<model::CallReply>(**(*granted)).grants[0];
    model::CallRequest report;
    report.session = model::SessionId(5);
    report.call = 1;
    report.ack = grant.number;
    model::FailedResult failed;
    failed.klass = model::FailureClass::kData;
    failed.started_at = now_;
    report.results.push_back({grant.lease, {}, {failed}, {}, {}});
    submit(core::ExecutorCall{report});
    step();
    EXPECT_FALSE(engine_.scheduler()->job(model::JobId(7), now_));
    core::RetryJob retry;
    retry.job = model::JobId(7);
    const auto retried = submit(retry);
    step();
    ASSERT_TRUE(retried->has_value() && (*retried)->has_value());
    EXPECT_EQ(std::get<core::JobReply>(**(*retried)).partitions, 1U);
    EXPECT_EQ(
        engine_.scheduler()->job(model::JobId(7), now_)->row.state, model::JobState::kRunning
    );
}

}  // namespace
}  // namespace servo::engine
