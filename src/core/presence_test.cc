// Executors that go, in order or not: what is known of them afterwards, and for how long.
#include <gtest/gtest.h>

#include <memory>

#include "core/pace.h"
#include "core/scheduler.h"
#include "core/state.h"

namespace servo::core {
namespace {

constexpr Millis kDay{24 * 3'600'000};

// A store of executors alone: what a batch writes is what the next leader loads.
class PresenceTest : public testing::Test {
 protected:
    PresenceTest() { lead(); }

    void lead() {
        ++snapshot_.epoch;
        scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 7);
    }
    Result<Reply> apply(const Command& command) {
        ChangeSet changes;
        Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes);
        scheduler_->seal(now_, seq_, changes);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        write(changes);
        return reply;
    }
    void pass(Millis d) {
        now_ += d;
        apply(Tick{});
    }
    Result<Reply> join(int64_t session, const std::string& name, int64_t number = 1) {
        RegisterRequest request;
        request.executor = name;
        request.session = SessionId(session);
        request.number = number;
        request.slots = 2;
        request.previous_gone = true;
        return apply(RegisterExecutor{request});
    }
    Result<Reply> report(int64_t session, bool draining, bool leaving) {
        CallRequest call;
        call.session = SessionId(session);
        call.call = ++call_;
        call.draining = draining;
        call.leaving = leaving;
        return apply(ExecutorCall{call});
    }
    ExecutorView view(const std::string& name) {
        for (ExecutorView& one : scheduler_->executors(now_)) {
            if (one.row.name == name) {
                return one;
            }
        }
        ADD_FAILURE() << name << " is not known";
        return {};
    }
    std::vector<std::string> names() {
        std::vector<std::string> out;
        for (const ExecutorView& one : scheduler_->executors(now_)) {
            out.push_back(one.row.name);
        }
        return out;
    }

    Snapshot snapshot_;
    std::unique_ptr<Scheduler> scheduler_;
    std::vector<EventRow> events_;
    Instant now_ = instant_ms(1'700'000'000'000);
    int64_t seq_ = 0;
    int64_t call_ = 0;

 private:
    void write(const ChangeSet& changes) {
        std::map<ExecutorId, ExecutorRow> rows;
        for (const ExecutorRow& row : snapshot_.executors) {
            rows[row.id] = row;
        }
        for (const ExecutorId id : changes.removed_executors) {
            EXPECT_EQ(rows.erase(id), 1U) << id.value;
        }
        for (const ExecutorRow& row : changes.executors) {
            rows[row.id] = row;
        }
        snapshot_.executors.clear();
        snapshot_.max_executor_id = 0;
        for (const auto& [id, row] : rows) {
            snapshot_.executors.push_back(row);
            snapshot_.max_executor_id = id.value;
        }
        if (!changes.empty()) {
            snapshot_.last_now = now_;
        }
        events_.insert(events_.end(), changes.events.begin(), changes.events.end());
    }
};

TEST_F(PresenceTest, OneThatEndsInOrderIsGoneAtOnceAndMissedByNobody) {
    ASSERT_TRUE(join(1, "one"));
    const Instant seen = now_ += Millis(1'000);
    ASSERT_TRUE(report(1, true, true));
    EXPECT_EQ(view("one").row.presence, Presence::kLeft);
    EXPECT_EQ(view("one").last_seen_at, seen);
    EXPECT_FALSE(view("one").session);
    EXPECT_EQ(events_.back().kind, "executor.left");
    EXPECT_EQ(events_.back().detail, "It ended in order.");
    EXPECT_EQ(slots_missing(*scheduler_), 0);
    // A copy of its call, and of its registration, that were under way.
    EXPECT_EQ(report(1, true, true).error().reason, "unknown_session");
    EXPECT_EQ(join(1, "one", 2).error().reason, "session_replaced");
    // Another life may come under the name.
    ASSERT_TRUE(join(2, "one"));
    EXPECT_EQ(view("one").row.presence, Presence::kPresent);
}

TEST_F(PresenceTest, SlotsThatAreMissingAreKnownToTheNextLeaderToo) {
    ASSERT_TRUE(join(1, "one"));
    ASSERT_TRUE(join(2, "two"));
    pass(kLeaseTtl);
    EXPECT_EQ(slots_missing(*scheduler_), 4);
    now_ += Millis(60'000);
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 4);
    ASSERT_TRUE(join(3, "three"));  // takes the place of one of them
    EXPECT_EQ(slots_missing(*scheduler_), 2);
    lead();
    ASSERT_TRUE(join(4, "three"));
    EXPECT_EQ(slots_missing(*scheduler_), 2);
    ASSERT_TRUE(join(5, "two"));
    EXPECT_EQ(slots_missing(*scheduler_), 0);
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 4);  // those that have yet to call
}

TEST_F(PresenceTest, SlotsAreMissingForAnHourWhoeverLeads) {
    ASSERT_TRUE(join(1, "one"));
    pass(kLeaseTtl);
    now_ += kMissingFor;
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 0);
}

TEST_F(PresenceTest, OneThatWentWithTheLeaderBeforeIsMissing) {
    ASSERT_TRUE(join(1, "one"));
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 2);  // until it calls
    pass(kLeaseTtl);
    EXPECT_EQ(slots_missing(*scheduler_), 2);
    now_ += Millis(60'000);
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 2);
    now_ += kMissingFor;
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 0);
}

TEST_F(PresenceTest, OneThatIsReplacedWhileNobodyLeadsIsNotMissing) {
    ASSERT_TRUE(join(1, "one"));
    lead();
    ASSERT_TRUE(join(2, "two"));
    EXPECT_EQ(slots_missing(*scheduler_), 0);
    pass(kLeaseTtl - Millis(1'000));
    ASSERT_TRUE(report(2, false, false));
    pass(Millis(1'000));
    EXPECT_EQ(view("one").row.presence, Presence::kLost);
    EXPECT_EQ(slots_missing(*scheduler_), 0);
}

TEST_F(PresenceTest, OneThatComesBackAfterTheGapIsNotMissing) {
    ASSERT_TRUE(join(1, "one"));
    now_ += Millis(30'000);
    lead();
    EXPECT_EQ(slots_missing(*scheduler_), 2);
    ASSERT_TRUE(join(2, "one"));
    EXPECT_EQ(slots_missing(*scheduler_), 0);
    lead();
    ASSERT_TRUE(join(3, "one"));
    EXPECT_EQ(slots_missing(*scheduler_), 0);
}

TEST_F(PresenceTest, OneThatFallsSilentIsLostAndItIsKnownSinceWhen) {
    ASSERT_TRUE(join(1, "one"));
    const Instant seen = now_ += Millis(5'000);
    ASSERT_TRUE(report(1, false, false));
    pass(kLeaseTtl);
    EXPECT_EQ(view("one").row.presence, Presence::kLost);
    EXPECT_EQ(view("one").last_seen_at, seen);
    now_ += kDay / 2;
    lead();
    EXPECT_EQ(view("one").row.presence, Presence::kLost);
    EXPECT_EQ(view("one").last_seen_at, seen);
}

TEST_F(PresenceTest, OneThatDrainedAndGetsNoWordThroughIsNotLost) {
    ASSERT_TRUE(join(1, "one"));
    ASSERT_TRUE(report(1, true, false));
    pass(kLeaseTtl);
    EXPECT_EQ(view("one").row.presence, Presence::kLeft);
    // Told to drain it would have stayed.
    ASSERT_TRUE(join(2, "two"));
    ASSERT_TRUE(apply(DrainExecutor{"two", true, "ann"}));
    ASSERT_TRUE(report(2, false, false));  // hears of it
    ASSERT_TRUE(report(2, true, false));
    pass(kLeaseTtl);
    EXPECT_EQ(view("two").row.presence, Presence::kLost);
}

// It held nothing, so the new leader knows of no session of it.
TEST_F(PresenceTest, OneThatWentTogetherWithTheLeaderIsLostWhenItsTimeIsOver) {
    ASSERT_TRUE(join(1, "gone"));
    ASSERT_TRUE(join(2, "back"));
    const Instant seen = now_;
    now_ += Millis(60'000);
    lead();
    EXPECT_EQ(view("gone").last_seen_at, seen);
    ASSERT_TRUE(join(2, "back", 2));
    pass(kLeaseTtl - Millis(1));
    EXPECT_EQ(view("gone").row.presence, Presence::kPresent);
    ASSERT_TRUE(report(2, false, false));
    pass(kTickInterval);
    EXPECT_EQ(view("gone").row.presence, Presence::kLost);
    EXPECT_EQ(view("gone").last_seen_at, seen);
    EXPECT_EQ(view("back").row.presence, Presence::kPresent);
    EXPECT_EQ(events_.back().subject, "gone");
}

TEST_F(PresenceTest, ALostOneIsGivenUpAfterADayAndForgottenAfterAMonth) {
    ASSERT_TRUE(join(1, "one"));
    ASSERT_TRUE(join(2, "two"));
    ASSERT_TRUE(report(2, true, true));
    pass(kLeaseTtl);
    pass(kLostFor - kLeaseTtl - Millis(1));
    EXPECT_EQ(view("one").row.presence, Presence::kLost);
    pass(kTickInterval);
    EXPECT_EQ(view("one").row.presence, Presence::kLeft);
    ASSERT_TRUE(join(3, "three"));
    ASSERT_TRUE(report(3, true, true));
    pass(kExecutorKeptFor - kLostFor);
    EXPECT_EQ(names(), std::vector<std::string>{"three"});
    // The last number is kept, so that no other executor is taken for it.
    pass(2 * kExecutorKeptFor);
    EXPECT_EQ(names(), std::vector<std::string>{"three"});
    ASSERT_TRUE(join(4, "four"));
    EXPECT_EQ(view("four").row.id, ExecutorId(4));
    pass(kTickInterval);
    EXPECT_EQ(names(), std::vector<std::string>{"four"});
    lead();
    EXPECT_EQ(names(), std::vector<std::string>{"four"});
}

TEST_F(PresenceTest, OfTooManyThoseThatLeftFirstAreForgottenSooner) {
    for (size_t i = 0; i < kExecutorsMax + 3; ++i) {
        ExecutorRow row;
        row.id = ExecutorId(static_cast<int64_t>(i) + 1);
        row.name = "pod-" + std::to_string(i);
        row.presence = Presence::kLeft;
        row.last_seen_at = now_ - Millis(static_cast<int64_t>(i));  // the last left first
        snapshot_.executors.push_back(row);
    }
    snapshot_.max_executor_id = static_cast<int64_t>(kExecutorsMax) + 3;
    lead();
    pass(kTickInterval);
    const auto left = names();
    EXPECT_EQ(left.size(), kExecutorsMax);
    EXPECT_EQ(left.back(), "pod-" + std::to_string(kExecutorsMax + 2));  // the highest number
    EXPECT_EQ(left[left.size() - 2], "pod-" + std::to_string(kExecutorsMax - 2));
}

}  // namespace
}  // namespace servo::core
