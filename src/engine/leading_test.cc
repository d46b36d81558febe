// Several servers on one store: who takes over when, and what a deposed or forgetful one may do.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "engine/engine.h"
#include "store/memory/memory_store.h"

namespace servo::engine {
namespace {

using Slot = std::shared_ptr<std::optional<Result<core::Reply>>>;

const Instant kStart = instant_ms(1'700'000'000'000);

// A store that can stop answering.
class FlakyStore final : public store::Store {
 public:
    explicit FlakyStore(store::MemoryStore& inner) : inner_(inner) {}

    bool down = false;

    // Called before the next attempt to lead.
    std::function<void()> before_take;

    Result<int64_t> take_leadership(const store::Candidate& candidate) override {
        SERVO_CHECK(up());
        if (const auto act = std::exchange(before_take, nullptr)) {
            act();
        }
        return inner_.take_leadership(candidate);
    }
    Result<store::LeaderRow> leader() override {
        SERVO_CHECK(up());
        return inner_.leader();
    }
    Status beat(int64_t epoch) override {
        SERVO_CHECK(up());
        return inner_.beat(epoch);
    }
    Status resign(int64_t epoch) override {
        SERVO_CHECK(up());
        return inner_.resign(epoch);
    }
    Result<model::Snapshot> load(int64_t epoch) override {
        SERVO_CHECK(up());
        return inner_.load(epoch);
    }
    Result<std::optional<model::Snapshot::OpenJob>> load_job(model::JobId id) override {
        return inner_.load_job(id);
    }
    store::CommitOutcome commit(const store::Batch& batch) override {
        if (down) {
            return {store::CommitFate::kUnknown, "no answer"};
        }
        return inner_.commit(batch);
    }
    Result<bool> committed(int64_t epoch, int64_t seq) override {
        SERVO_CHECK(up());
        return inner_.committed(epoch, seq);
    }
    Result<bool> maintain(Instant now) override { return inner_.maintain(now); }
    Result<std::vector<std::string>> fsck() override { return inner_.fsck(); }

 private:
    Status up() const { return down ? fail(unavailable("store_down", "no answer")) : Status(); }

    store::MemoryStore& inner_;
};

// Two servers; `first_` leads.
class LeadingTest : public testing::Test {
 protected:
    void SetUp() override {
        ASSERT_TRUE(first_.start(kStart).has_value());
        ASSERT_TRUE(second_.start(kStart).has_value());
    }

    static Slot submit(Engine& engine, core::Command command) {
        auto slot = std::make_shared<std::optional<Result<core::Reply>>>();
        engine.submit({std::move(command), [slot](auto reply) { *slot = std::move(reply); }, {}});
        return slot;
    }
    static core::Command change(const std::string& asset) {
        core::ApplyDefinitions apply;
        model::AssetSpec spec;
        spec.name = asset;
        model::StaticKeys keys;
        keys.keys = {"a", "b"};
        spec.partitions.dimensions.push_back({"", keys});
        spec.run.argv = {"true"};
        apply.tenants.push_back({"acme", {spec}, {}});
        apply.actor = "ann";
        return apply;
    }
    static core::Command join(int64_t session, model::CommitMark seen = {}) {
        model::RegisterRequest request;
        request.executor = "x";
        request.session = model::SessionId(session);
        request.seen = seen;
        return core::RegisterExecutor{request};
    }
    static core::Command join_of_a_tenant(int64_t session, model::CommitMark seen) {
        auto out = std::get<core::RegisterExecutor>(join(session, seen));
        out.token.tenant = model::TenantId(1);
        return out;
    }
    // Steps of 100 ms.
    void pass(Millis time, const std::vector<Engine*>& living) {
        for (const Instant end = now_ + time; now_ < end;) {
            now_ += Millis(100);
            for (Engine* engine : living) {
                engine->step(now_);
            }
        }
    }
    static bool leads(const Engine& engine) {
        return engine.status().state == EngineState::kLeading;
    }
    bool accepted(Engine& engine, const std::string& asset) {
        const Slot slot = submit(engine, change(asset));
        engine.step(now_ += Millis(1));
        return slot->has_value() && (*slot)->has_value();
    }
    std::string reason(Engine& engine, core::Command command) {
        const Slot slot = submit(engine, std::move(command));
        engine.step(now_ += Millis(1));
        return slot->has_value() && !(*slot)->has_value() ? (*slot)->error().reason : "";
    }

    store::MemoryStore memory_;
    FlakyStore firsts_{memory_};
    Engine first_{firsts_, {"first", "http://first:7420"}, 1};
    FlakyStore seconds_{memory_};
    Engine second_{seconds_, {"second", "http://second:7420"}, 2};
    Instant now_ = kStart;
};

TEST_F(LeadingTest, OneLeadsAndTheOtherStandsByForAsLongAsItLives) {
    EXPECT_TRUE(leads(first_));
    pass(Millis(60'000), {&first_, &second_});
    EXPECT_TRUE(leads(first_));
    EXPECT_EQ(second_.status().state, EngineState::kStandby);
    EXPECT_EQ(second_.status().leader.url, "http://first:7420");
    EXPECT_EQ(reason(second_, change("orders")), "not_leading");
    EXPECT_EQ(first_.status().epoch, 1);
}

TEST_F(LeadingTest, ADeadLeadersStandbyTakesOverAfterTheTtlAndLoads) {
    ASSERT_TRUE(accepted(first_, "orders"));
    pass(Millis(9'000), {&second_});
    EXPECT_FALSE(leads(second_));
    pass(Millis(4'000), {&second_});
    ASSERT_TRUE(leads(second_));
    EXPECT_EQ(second_.scheduler()->epoch(), 2);
    EXPECT_EQ(second_.status().seq, 2) << "what the first committed, and who leads now";
    const auto events = memory_.within(store::TenantScope::all())
                            ->events({.subject = "second"}, 10, "")
                            .value()
                            .items;
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].kind, "leader.changed");
}

TEST_F(LeadingTest, AStandbyWhoseClockIsBehindGoesOnFromTheLastCommit) {
    pass(Millis(60'000), {&first_});
    ASSERT_TRUE(accepted(first_, "orders"));
    first_.shut_down();
    Engine late(memory_, {"late"}, 3);
    ASSERT_TRUE(memory_.take_leadership({"first"}).has_value());
    ASSERT_TRUE(late.start(kStart).has_value());
    late.heard_gone(2);
    late.step(kStart + Millis(300));
    late.step(kStart + Millis(600));
    ASSERT_TRUE(leads(late));
    EXPECT_GE(late.now(), now_);
}

TEST_F(LeadingTest, ALeaderThatStopsHandsOverAtOnce) {
    const Slot last = submit(first_, change("orders"));
    first_.step(now_);
    first_.shut_down();
    ASSERT_TRUE(last->has_value() && (*last)->has_value());
    pass(Millis(400), {&second_});
    EXPECT_TRUE(leads(second_));
}

TEST_F(LeadingTest, ALeaderThatStopsStoresWhatItKnowsOfTheRunningMinute) {
    EXPECT_EQ(reason(first_, join(5)), "");
    pass(Millis(7'000), {&first_});
    first_.shut_down();
    for (const model::LedgerSpan span : {model::LedgerSpan::kMinute, model::LedgerSpan::kHour}) {
        const auto rows = memory_.within(store::TenantScope::all())
                              ->ledger(span, model::LedgerScope::kAll, kEpochStart, kNever)
                              .value();
        int64_t ms = 0;
        for (const model::LedgerRow& row : rows) {
            for (const auto& [word, amount] : row.entries.at(model::kLedgerNobody)) {
                ms += word.starts_with(model::kSlotWords) ? amount : 0;
            }
        }
        EXPECT_EQ(ms, 7'000) << to_string(span) << ": of one slot";
    }
    pass(Millis(400), {&second_});
    EXPECT_TRUE(accepted(second_, "orders")) << "the chain of commits goes on behind it";
}

TEST_F(LeadingTest, AStoreThatFailsAtTheEndKeepsNobodyFromStopping) {
    EXPECT_EQ(reason(first_, join(5)), "");
    pass(Millis(1'000), {&first_});
    firsts_.down = true;
    first_.shut_down();
    EXPECT_EQ(first_.status().state, EngineState::kStandby);
}

TEST_F(LeadingTest, WordThatTheLeaderIsGoneIsActedOnAtTheNextStep) {
    pass(Millis(3'000), {&first_, &second_});
    second_.heard_gone(1);
    second_.step(now_ += Millis(1));
    ASSERT_TRUE(leads(second_));
    second_.step(now_ += Millis(1));
    const auto events = memory_.within(store::TenantScope::all())
                            ->events({.subject = "second"}, 10, "")
                            .value()
                            .items;
    ASSERT_EQ(events.size(), 1U);
    EXPECT_NE(events[0].detail.find("first, which had ended"), std::string::npos);
}

TEST_F(LeadingTest, WordThatSomethingBecameOfTheLeaderHasItLookAtOnce) {
    pass(Millis(3'000), {&first_, &second_});
    second_.look_at_leader();
    second_.step(now_ += Millis(1));
    EXPECT_FALSE(leads(second_)) << "the leader lives";
    first_.shut_down();
    second_.step(now_ += Millis(1));
    EXPECT_FALSE(leads(second_)) << "it looked a moment ago";
    second_.look_at_leader();
    second_.step(now_ += Millis(1));
    EXPECT_TRUE(leads(second_));
}

TEST_F(LeadingTest, WhoIsNotTheFastestKnowsTheWinnerAtTheNextStep) {
    FlakyStore store(memory_);
    Engine slow(store, {"slow"}, 3);
    ASSERT_TRUE(slow.start(kStart).has_value());
    first_.shut_down();
    store.before_take = [this] {
        ASSERT_TRUE(memory_.take_leadership({"faster", "http://faster:7420"}).has_value());
    };
    slow.step(now_ += Millis(300));
    EXPECT_FALSE(leads(slow));
    slow.step(now_ += Millis(1));
    EXPECT_EQ(slow.status().leader.url, "http://faster:7420");
}

TEST_F(LeadingTest, AFrozenLeadersFirstWriteIsRefusedAndItStandsBy) {
    pass(Millis(13'000), {&second_});
    ASSERT_TRUE(leads(second_));
    // It wakes with a request in its hands, and believes that no time has passed.
    const Slot late = submit(first_, change("orders"));
    first_.step(kStart + Millis(1));
    ASSERT_TRUE(late->has_value());
    EXPECT_EQ((*late)->error().reason, "not_leading");
    EXPECT_EQ(first_.status().state, EngineState::kStandby);
    EXPECT_EQ(first_.scheduler(), nullptr);
    pass(Millis(20'000), {&first_, &second_});
    EXPECT_TRUE(leads(second_));
    EXPECT_FALSE(leads(first_));
    EXPECT_TRUE(accepted(second_, "orders"));
}

TEST_F(LeadingTest, AnIdleLeaderLearnsFromItsSignOfLifeThatItIsDeposed) {
    ASSERT_TRUE(memory_.take_leadership({"third", "http://third:7420"}).has_value());
    pass(Millis(2'100), {&first_});
    EXPECT_EQ(first_.status().state, EngineState::kStandby);
    EXPECT_EQ(first_.status().leader.url, "http://third:7420");
}

TEST_F(LeadingTest, AStandbyThatStoodStillItselfWaitsAnew) {
    pass(Millis(5'000), {&first_, &second_});
    now_ += Millis(60'000);  // both were frozen, as when their machine sleeps
    second_.step(now_);
    EXPECT_FALSE(leads(second_));
    pass(Millis(5'000), {&first_, &second_});
    EXPECT_TRUE(leads(first_));
}

TEST_F(LeadingTest, ALeaderWithoutItsStoreStepsDownAndComesBack) {
    firsts_.down = true;
    pass(Millis(11'000), {&first_});
    EXPECT_EQ(first_.status().state, EngineState::kStandby);
    EXPECT_EQ(reason(first_, change("orders")), "store_down");  // and not that nobody leads
    EXPECT_EQ(first_.status().why, "store_down");
    firsts_.down = false;
    pass(Millis(2'000), {&first_});
    EXPECT_TRUE(leads(first_));
    EXPECT_EQ(first_.status().why, "");
    EXPECT_EQ(first_.status().last_error, "");
    EXPECT_TRUE(accepted(first_, "orders"));
}

TEST_F(LeadingTest, AStandbyWithoutItsStoreSaysSoAndForgetsItWhenItIsBack) {
    seconds_.down = true;
    pass(Millis(2'000), {&first_, &second_});
    EXPECT_EQ(second_.status().state, EngineState::kStandby);
    EXPECT_EQ(reason(second_, change("orders")), "store_down");
    seconds_.down = false;
    pass(Millis(2'000), {&first_, &second_});
    EXPECT_EQ(second_.status().why, "");
    EXPECT_EQ(reason(second_, change("orders")), "not_leading");
}

TEST_F(LeadingTest, AnUnknownCommitNeverDeposesWhoTookOverMeanwhile) {
    firsts_.down = true;
    EXPECT_EQ(reason(first_, change("orders")), "not_leading");
    pass(Millis(13'000), {&second_});
    ASSERT_TRUE(leads(second_));
    firsts_.down = false;
    pass(Millis(5'000), {&first_, &second_});
    EXPECT_EQ(first_.status().state, EngineState::kStandby);
    EXPECT_TRUE(leads(second_));
    EXPECT_EQ(second_.status().epoch, 2);
}

TEST_F(LeadingTest, AnExecutorThatSawMoreThanTheDatabaseHasStopsScheduling) {
    ASSERT_TRUE(accepted(first_, "orders"));
    EXPECT_EQ(reason(first_, join(5, {1, 1})), "");
    EXPECT_EQ(reason(first_, join_of_a_tenant(7, {9, 40})), "db_went_back");
    EXPECT_EQ(first_.status().state, EngineState::kLeading) << "it speaks for its tenant alone";
    EXPECT_EQ(reason(first_, join(6, {1, 40})), "db_went_back");
    EXPECT_EQ(first_.status().state, EngineState::kReadOnly);
    EXPECT_EQ(first_.status().why, "db_went_back");
    EXPECT_EQ(reason(first_, change("more")), "db_went_back");
    bool read = false;
    first_.read([&read](const core::Scheduler&, Instant) { read = true; });
    pass(Millis(30'000), {&first_, &second_});
    EXPECT_TRUE(read);
    EXPECT_EQ(first_.status().state, EngineState::kReadOnly) << "until an operator says so";
    EXPECT_FALSE(leads(second_)) << "nobody else goes on with the old database either";
}

TEST_F(LeadingTest, ALostCommitOfAnEarlierLeaderIsMissedThoughTheChainIsLonger) {
    ASSERT_TRUE(accepted(first_, "orders"));
    pass(Millis(13'000), {&second_});
    ASSERT_TRUE(accepted(second_, "more"));
    second_.shut_down();
    Engine third(memory_, {"third"}, 3);
    ASSERT_TRUE(third.start(now_).has_value());
    EXPECT_EQ(reason(third, join(5, {1, 1})), "");
    EXPECT_EQ(reason(third, join(5, {2, 3})), "");
    // The second commit was acknowledged by the first leader and lost; there is another one now.
    EXPECT_EQ(reason(third, join(6, {1, 2})), "");
    EXPECT_EQ(third.status().state, EngineState::kLeading) << "older than what was confirmed";
    Engine fourth(memory_, {"fourth"}, 4);
    third.shut_down();
    ASSERT_TRUE(fourth.start(now_).has_value());
    EXPECT_EQ(reason(fourth, join(6, {1, 2})), "db_went_back");
}

TEST_F(LeadingTest, AnOperatorMayAcceptTheOlderDatabaseAndEpochsGoOn) {
    first_.shut_down();
    Engine third(memory_, {"third"}, 3);
    third.accept_older_database();
    ASSERT_TRUE(third.start(now_).has_value());
    ASSERT_TRUE(leads(third));
    EXPECT_EQ(reason(third, join(5, {7, 40})), "not_leading");
    EXPECT_TRUE(leads(third));
    EXPECT_EQ(third.status().epoch, 8) << "above all that executors saw";
    EXPECT_EQ(reason(third, join(5, {7, 40})), "");
    EXPECT_TRUE(accepted(third, "orders"));
}

TEST_F(LeadingTest, RepliesToExecutorsSayHowFarTheChainGoes) {
    const Slot joined = submit(first_, join(5));
    first_.step(now_ += Millis(1));
    EXPECT_EQ(std::get<model::RegisterReply>(**(*joined)).seq, 1);
}

}  // namespace
}  // namespace servo::engine
