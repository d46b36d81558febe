// Scripted conversations: the test plays the server and the slots.
#include <set>

#include "executor/keeper_test_support.h"

namespace servo::executor {
namespace {

TEST_F(KeeperTest, RegistersThenReportsThenParksAnAcquire) {
    make(2);
    const auto request = one<SendRegister>().request;
    EXPECT_EQ(request->executor, "exec-1");
    EXPECT_EQ(request->slots, 2);
    model::RegisterReply reply;
    reply.epoch = 4;
    keeper_->on_register_reply(reply, now_);
    collect();
    EXPECT_EQ(one<SetStopTime>().at, now_ + Millis(8'000));
    const auto first = report();
    EXPECT_EQ(first->free_slots, 2);
    EXPECT_EQ(first->call, 1);
    EXPECT_EQ(sent(CallKind::kAcquire), nullptr);  // the report may bring something
    CallReply empty;
    empty.epoch = 4;
    answer(first, empty);
    const auto parked = sent(CallKind::kAcquire);
    ASSERT_NE(parked, nullptr);
    EXPECT_EQ(parked->free_slots, 2);
    pass(1'999);
    EXPECT_EQ(sent(CallKind::kReport), nullptr);
    pass(1);
    EXPECT_NE(sent(CallKind::kReport), nullptr);  // the heartbeat, while the acquire is parked
}

TEST_F(KeeperTest, RunsALeaseAndClosesItWhenItsResultsAreAnswered) {
    make();
    give_a(3);
    EXPECT_EQ(sent(CallKind::kAcquire), nullptr);  // no free slot
    event(0, done(kA, 0, 2, 3));
    EXPECT_EQ(sent(CallKind::kReport), nullptr);  // long partitions, not near the end: no hurry
    event(0, done(kA, 2, 3, 3));
    const auto last = report();  // a slot became free: at once
    ASSERT_EQ(last->results.size(), 1u);
    EXPECT_EQ(last->results[0].done.size(), 3u);
    EXPECT_EQ(last->ack, 1);
    EXPECT_EQ(last->free_slots, 1);
    EXPECT_EQ(last->held, (std::vector<model::HeldLease>{{kA, 3, 3}}));
    answer(last);
    EXPECT_TRUE(keeper_->held().empty());
    EXPECT_NE(sent(CallKind::kAcquire), nullptr);
}

TEST_F(KeeperTest, ALostReplyIsAskedForAgainWithTheSameNumberAndContent) {
    make();
    give_a(2);
    event(0, done(kA, 0, 2, 2));
    const auto first = report();
    refuse(first, unreachable());
    EXPECT_EQ(sent(CallKind::kReport), nullptr);  // not at once
    run_until(now_ + Millis(300));
    const auto second = report();
    EXPECT_EQ(second, first);
    EXPECT_FALSE(keeper_->held().empty());  // nothing is forgotten before the answer
    answer(second);
    EXPECT_TRUE(keeper_->held().empty());
    keeper_->on_call_reply(CallKind::kReport, first->call, CallReply{}, now_);  // a late copy
    collect();
    EXPECT_TRUE(take<FeedSlot>().empty());
}

TEST_F(KeeperTest, ResultsThatComeDuringACallGoWithTheNext) {
    make();
    give_a(10);
    pass(2'000);
    const auto heartbeat = report();
    EXPECT_TRUE(heartbeat->results.empty());
    event(0, done(kA, 0, 4, 5));
    EXPECT_EQ(sent(CallKind::kReport), nullptr);  // one at a time
    answer(heartbeat);
    pass(2'000);
    EXPECT_EQ(report()->results.at(0).done.size(), 4u);
}

TEST_F(KeeperTest, BackoffGrowsAndKeepsToItsLimit) {
    make();
    answer_register();
    auto request = report();
    Millis longest{0};
    for (int i = 0; i < 8; ++i) {
        refuse(request, unreachable());
        const Millis wait = keeper_->next_due() - now_;
        EXPECT_GT(wait, Millis(0));
        EXPECT_LE(wait, Millis(2'000));
        longest = std::max(longest, wait);
        pass(wait.count());
        request = report();
        ASSERT_NE(request, nullptr);
    }
    EXPECT_GE(longest, Millis(1'000));
}

// A server with too much to do tells a crowd to come back; they must not come back together.
TEST_F(KeeperTest, ExecutorsThatAreSentAwayComeBackAtDifferentTimes) {
    std::set<Millis> due;
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        KeeperOptions options;
        options.executor = "exec";
        options.session = model::SessionId(static_cast<int64_t>(seed));
        options.seed = seed;
        Keeper keeper(options, Millis(0));
        keeper.on_time(Millis(0));
        Error busy = unavailable("overloaded", "too much to do");
        busy.retry_after_s = 3;
        keeper.on_register_reply(fail(busy), Millis(0));
        EXPECT_GT(keeper.next_due(), Millis(1'500));
        EXPECT_LE(keeper.next_due(), Millis(3'000));
        due.insert(keeper.next_due());
    }
    EXPECT_GT(due.size(), 150U);
}

// A hand-over is over in a fraction of the second that other callers are told to wait.
TEST_F(KeeperTest, WhileNobodyLeadsItAsksAgainAtOnce) {
    for (const char* reason : {"stopping", "not_leading"}) {
        KeeperOptions options;
        options.executor = "exec";
        options.session = model::SessionId(1);
        Keeper keeper(options, Millis(0));
        keeper.on_time(Millis(0));
        Error error = unavailable(reason, "a standby takes over");
        error.retry_after_s = 1;
        keeper.on_register_reply(fail(error), Millis(0));
        EXPECT_LE(keeper.next_due(), Millis(100)) << reason;
    }
}

// One server ends and another takes over: the next attempt must not miss it by a doubled wait, but
// many attempts are not to be had for nothing either.
TEST_F(KeeperTest, AHandOverIsAskedForAFewTimesBeforeTheWaitsGrow) {
    make();
    answer_register();
    auto request = report();
    std::vector<Millis> waits;
    for (int i = 0; i < 8; ++i) {
        refuse(request, unavailable(i == 0 ? "stopping" : "not_leading", "a standby takes over"));
        waits.push_back(keeper_->next_due() - now_);
        pass(waits.back().count());
        request = report();
        ASSERT_NE(request, nullptr);
    }
    for (int i = 0; i < 4; ++i) {
        EXPECT_LE(waits[static_cast<size_t>(i)], Millis(100)) << i;
    }
    EXPECT_GT(waits[7], Millis(400));
}

TEST_F(KeeperTest, DuplicatedGrantsAreTakenOnce) {
    make(2);
    answer_register();
    const CallReply both = with({grant(1, kA, 3), grant(2, kB, 4)});
    answer(report(), both);
    EXPECT_EQ(take<FeedSlot>().size(), 2u);
    pass(2'000);
    const auto next = report();
    EXPECT_EQ(next->ack, 2);
    answer(next, both);
    EXPECT_TRUE(take<FeedSlot>().empty());
    EXPECT_EQ(keeper_->held(), (std::vector<model::HeldLease>{{kA, 3, 0}, {kB, 4, 0}}));
}

TEST_F(KeeperTest, AGrantWithoutItsDefinitionIsNotAcked) {
    make(2);
    answer_register();
    CallReply reply = with({grant(1, kA, 3), grant(2, kB, 4)});
    reply.grants[1].revision = 2;
    answer(report(), reply);
    EXPECT_EQ(keeper_->ack(), 1);
    EXPECT_EQ(one<FeedSlot>().grant.lease, kA);
    reply.definitions[0].revision = 2;
    pass(2'000);
    answer(report(), reply);
    EXPECT_EQ(keeper_->ack(), 2);
    EXPECT_EQ(one<FeedSlot>().grant.lease, kB);
}

TEST_F(KeeperTest, ALeaseWaitsForItsSlot) {
    make(1);
    answer_register();
    answer(report(), with({grant(1, kA, 1), grant(2, kB, 1)}));
    EXPECT_EQ(one<FeedSlot>().grant.lease, kA);
    event(0, done(kA, 0, 1, 1));
    EXPECT_EQ(one<FeedSlot>().grant.lease, kB);  // without waiting for the answer
}

TEST_F(KeeperTest, StopKillsAndReportsTheRunningOneAsLost) {
    make();
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    pass(2'000);
    answer(report(), control(kA, LeaseAction::kStop));
    EXPECT_EQ(one<KillSlot>().lease, kA);
    event(0, failed(kA, 2, FailureClass::kLost));
    event(0, SlotTrimmed{kA, 3});
    const auto last = report();
    EXPECT_EQ(last->held, (std::vector<model::HeldLease>{{kA, 3, 3}}));
    EXPECT_EQ(last->results.at(0).failed.at(0).klass, FailureClass::kLost);
    EXPECT_EQ(last->free_slots, 1);
    answer(last);
    EXPECT_TRUE(keeper_->held().empty());
}

TEST_F(KeeperTest, AnUnknownLeaseIsKilledAndForgottenWithItsResults) {
    make();
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    pass(2'000);
    const auto request = report();
    event(0, done(kA, 2, 3, 4));
    answer(request, control(kA, LeaseAction::kUnknown));
    EXPECT_EQ(one<KillSlot>().lease, kA);
    EXPECT_TRUE(keeper_->held().empty());
    EXPECT_EQ(keeper_->results_queued(), 0u);
    EXPECT_EQ(sent(CallKind::kAcquire), nullptr);  // the slot still has to clear up
    event(0, failed(kA, 3, FailureClass::kLost));
    event(0, SlotTrimmed{kA, 4});
    const auto next = report();
    EXPECT_TRUE(next->results.empty());
    EXPECT_EQ(next->free_slots, 1);
}

TEST_F(KeeperTest, ADependencysFailureHoldsTheLeaseUntilItIsAnswered) {
    for (const model::FailureTraits& traits : model::all_failure_traits()) {
        actions_.clear();
        make();
        give_a(10);
        event(0, failed(kA, 0, traits.klass));
        const auto at_once = sent(CallKind::kReport);
        EXPECT_EQ(at_once != nullptr, traits.stops_lease) << traits.name;
        if (at_once == nullptr) {
            continue;
        }
        EXPECT_TRUE(take<ResumeSlot>().empty());
        answer(at_once);
        EXPECT_EQ(one<ResumeSlot>().lease, kA);
    }
}

TEST_F(KeeperTest, ASequentialAssetIsHeldByAnyFailureAndMayBeShrunkInTheAnswer) {
    make();
    give_a(10, true);
    event(0, failed(kA, 0, FailureClass::kData));
    pass(500);
    answer(report(), control(kA, LeaseAction::kShrink, 1));
    EXPECT_EQ(one<TrimSlot>().size, 1u);
    event(0, SlotTrimmed{kA, 1});
    answer(report());
    EXPECT_TRUE(keeper_->held().empty());
    const auto held = keeper_->slot_millis()[static_cast<size_t>(model::SlotState::kHeld)];
    EXPECT_EQ(held, 500);
}

TEST_F(KeeperTest, WorkStopsEightSecondsAfterTheLastAnsweredRequestWasSent) {
    make();
    answer_register();
    const auto slow = report();
    const Millis slow_sent = now_;
    pass(1'500);
    answer(slow, with({grant(1, kA, 10)}));  // the answer took its time
    EXPECT_EQ(one<SetStopTime>().at, slow_sent + Millis(8'000));
    event(0, done(kA, 0, 1, 2));
    while (now_ < slow_sent + Millis(7'990)) {
        pass(10);
        if (const auto request = sent(CallKind::kReport)) {
            refuse(request, unreachable());
        }
    }
    EXPECT_TRUE(take<KillSlot>().empty());
    pass(10);
    EXPECT_EQ(one<KillSlot>().lease, kA);
    event(0, failed(kA, 1, FailureClass::kLost));
    event(0, SlotTrimmed{kA, 2});
    // The connection comes back: everything is reported, nothing was forgotten.
    std::shared_ptr<const CallRequest> request;
    for (int i = 0; i < 20'000 && request == nullptr; ++i) {
        pass(1);
        request = sent(CallKind::kReport);
    }
    answer(request);
    answer(report());
    EXPECT_TRUE(keeper_->held().empty());
}

TEST_F(KeeperTest, ASlotThatStoppedByItselfSettlesTheLease) {
    make();
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    event(0, failed(kA, 2, FailureClass::kLost));
    event(0, SlotTrimmed{kA, 3});
    const auto last = report();
    EXPECT_EQ(last->held, (std::vector<model::HeldLease>{{kA, 3, 3}}));
    answer(last);
    EXPECT_TRUE(keeper_->held().empty());
}

TEST_F(KeeperTest, TheHighestCommitHeardOfIsEchoedToEveryLeader) {
    make();
    answer_register(5);
    CallReply reply = with({});
    reply.epoch = 5;
    reply.seq = 40;
    answer(report(), reply);
    pass(2'000);
    reply.seq = 39;  // said later, of an earlier commit
    answer(report(), reply);
    pass(2'000);
    const auto next = report();
    EXPECT_EQ(next->seen, (model::CommitMark{5, 40}));
    refuse(next, failed_precondition("unknown_session", "register again"));
    run_until(now_ + Millis(1'000));
    EXPECT_EQ(one<SendRegister>().request->seen, (model::CommitMark{5, 40}));
}

TEST_F(KeeperTest, RepliesOfAnEarlierLeaderAreIgnored) {
    make(2);
    answer_register(5);
    CallReply current = with({grant(1, kA, 3)});
    current.epoch = 6;  // a new leader
    answer(report(), current);
    EXPECT_EQ(keeper_->epoch(), 6);
    take<FeedSlot>();
    pass(2'000);
    const auto request = report();
    CallReply old = control(kA, LeaseAction::kUnknown);
    old.epoch = 5;
    answer(request, old);
    EXPECT_TRUE(take<KillSlot>().empty());
    EXPECT_EQ(keeper_->epoch(), 6);
    run_until(now_ + Millis(200));
    EXPECT_EQ(report(), request);  // asked again
}

TEST_F(KeeperTest, AnUnknownSessionRegistersAgainWithWhatItHolds) {
    make();
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    pass(2'000);
    const auto request = report();
    ASSERT_EQ(request->results.size(), 1u);
    event(0, done(kA, 2, 3, 4));
    refuse(request, failed_precondition("unknown_session", "register again"));
    run_until(now_ + Millis(500));
    const auto again = one<SendRegister>().request;
    EXPECT_EQ(again->session, model::SessionId(7));
    EXPECT_EQ(again->ack, 1);
    EXPECT_EQ(again->held, (std::vector<model::HeldLease>{{kA, 10, 4}}));
    model::RegisterReply reply;
    reply.epoch = 2;
    keeper_->on_register_reply(reply, now_);
    collect();
    EXPECT_TRUE(take<KillSlot>().empty());  // the work went on
    const auto next = report();
    EXPECT_GT(next->call, request->call);
    ASSERT_EQ(next->results.size(), 1u);  // in order, none lost
    std::vector<uint64_t> positions;
    for (const auto& result : next->results[0].done) {
        positions.push_back(result.position);
    }
    EXPECT_EQ(positions, (std::vector<uint64_t>{0, 1, 2}));
}

TEST_F(KeeperTest, GivesUpWhenTheServerWillNotHaveIt) {
    make();
    take<SendRegister>();
    keeper_->on_register_reply(
        fail(Error{ErrorCode::kUnauthenticated, "bad_token", "no such token", {}, 0}), now_
    );
    collect();
    EXPECT_EQ(one<GiveUp>().error.reason, "bad_token");
    EXPECT_EQ(keeper_->next_due(), BootTime::max());
}

TEST_F(KeeperTest, AnExpiredTokenLaterIsWaitedOut) {
    make();
    give_a(3);
    pass(2'000);
    refuse(report(), Error{ErrorCode::kUnauthenticated, "bad_token", "expired", {}, 0});
    EXPECT_TRUE(take<GiveUp>().empty());
    EXPECT_LE(keeper_->next_due(), now_ + Millis(2'000));
}

TEST_F(KeeperTest, GivesUpAfterRefusalsInARow) {
    make();
    answer_register();
    for (int i = 0; i < kRefusalsMax; ++i) {
        const auto request = report();
        ASSERT_NE(request, nullptr);
        refuse(request, invalid_argument("bad_report", "not like this"));
        if (i + 1 < kRefusalsMax) {
            run_until(now_ + Millis(500));
            answer_register();
        }
    }
    EXPECT_EQ(one<GiveUp>().error.reason, "bad_report");
}

TEST_F(KeeperTest, ADeadSlotsWorkIsLostAndTheRestGivenBack) {
    make(2);
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    event(0, SlotLost{instant_ms(5)});
    const auto request = report();
    EXPECT_EQ(request->held, (std::vector<model::HeldLease>{{kA, 3, 3}}));
    ASSERT_EQ(request->results.size(), 1u);
    EXPECT_EQ(request->results[0].done.size(), 2u);
    EXPECT_EQ(request->results[0].failed.at(0).klass, FailureClass::kLost);
    EXPECT_EQ(request->results[0].failed.at(0).position, 2u);
    EXPECT_TRUE(request->results[0].failed.at(0).slot_died);
    EXPECT_EQ(request->free_slots, 1);
    answer(request);
    EXPECT_TRUE(keeper_->held().empty());
    event(0, SlotReady{});
    EXPECT_EQ(report()->free_slots, 2);
}

TEST_F(KeeperTest, ASlotThatEndsWithAStopThatWasAskedForIsNobodysFault) {
    make();
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    run_until(now_ + Millis(2'000));
    answer(report(), control(kA, LeaseAction::kStop));
    EXPECT_EQ(one<KillSlot>().lease, kA);
    event(0, SlotLost{instant_ms(5)});
    const auto request = report();
    ASSERT_EQ(request->results.size(), 1u);
    EXPECT_EQ(request->results[0].failed.at(0).klass, FailureClass::kLost);
    EXPECT_FALSE(request->results[0].failed.at(0).slot_died);
}

TEST_F(KeeperTest, DrainGivesBackWhatHasNotStartedAndEnds) {
    make(2);
    give_a(10);
    sent(CallKind::kAcquire);  // for the other slot; stays parked
    event(0, done(kA, 0, 2, 3));
    keeper_->drain(now_);
    collect();
    EXPECT_EQ(one<TrimSlot>().size, 3u);
    const auto first = report();
    EXPECT_TRUE(first->draining);
    EXPECT_EQ(first->free_slots, 0);
    event(0, SlotTrimmed{kA, 3});
    answer(first, with({grant(2, kB, 5)}));  // crossed on the wire: taken and given back
    EXPECT_TRUE(take<FeedSlot>().empty());
    const auto second = report();
    EXPECT_EQ(second->held, (std::vector<model::HeldLease>{{kA, 3, 3}, {kB, 0, 0}}));
    EXPECT_EQ(second->ack, 2);
    answer(second);
    EXPECT_TRUE(take<Drained>().empty());
    event(0, done(kA, 2, 3, 3));
    answer(report());
    say_goodbye();
}

TEST_F(KeeperTest, OneThatHoldsNothingSaysGoodbyeAtOnce) {
    make();
    answer_register();
    answer(report());
    const auto acquire = sent(CallKind::kAcquire);  // stays parked
    keeper_->drain(now_);
    collect();
    const auto last = report();
    EXPECT_TRUE(last->leaving);
    EXPECT_TRUE(last->draining);
    // What crossed with it was given to a session that ends: it is not looked at.
    answer(acquire, with({grant(1, kA, 5)}));
    EXPECT_TRUE(keeper_->held().empty());
    EXPECT_TRUE(take<Drained>().empty());
    answer(last);
    one<Drained>();
}

TEST_F(KeeperTest, AGoodbyeThatWasHeardNeedsNoAnswer) {
    make();
    answer_register();
    answer(report());
    keeper_->drain(now_);
    collect();
    const auto last = report();
    refuse(last, unavailable("stopping", "It stops."));
    EXPECT_TRUE(take<Drained>().empty());
    pass(200);
    const auto again = report();
    EXPECT_EQ(again->call, last->call);
    EXPECT_TRUE(again->leaving);
    refuse(again, failed_precondition("unknown_session", "It is over."));
    one<Drained>();
    EXPECT_TRUE(take<SendRegister>().empty());
}

TEST_F(KeeperTest, AGoodbyeThatNobodyAnswersIsNotWaitedForLong) {
    make();
    answer_register();
    answer(report());
    keeper_->drain(now_);
    collect();
    EXPECT_TRUE(report()->leaving);
    EXPECT_LE(keeper_->next_due(), now_ + kGoodbyeWait);
    pass(kGoodbyeWait.count() - 1);
    EXPECT_TRUE(take<Drained>().empty());
    pass(1);
    one<Drained>();
}

TEST_F(KeeperTest, DrainKillsWhatDoesNotEndInTime) {
    make();
    give_a(1);
    event(0, done(kA, 0, 0, 1));
    keeper_->drain(now_);
    collect();
    for (int i = 0; i < 20 && take<KillSlot>().empty(); ++i) {
        pass(500);
        if (const auto request = sent(CallKind::kReport)) {
            answer(request);
        }
    }
    event(0, failed(kA, 0, FailureClass::kLost));
    event(0, SlotTrimmed{kA, 1});
    const auto last = report();
    EXPECT_EQ(last->results.at(0).failed.at(0).klass, FailureClass::kLost);
    answer(last);
    say_goodbye();
}

TEST_F(KeeperTest, DrainDoesNotWaitForEverForASilentServer) {
    make();
    give_a(1);
    event(0, done(kA, 0, 1, 1));
    keeper_->drain(now_);
    collect();
    for (int i = 0; i < 200 && !keeper_->gave_up(); ++i) {
        if (const auto request = sent(CallKind::kReport)) {
            refuse(request, unreachable());
        }
        pass(100);
    }
    one<Drained>();
}

TEST_F(KeeperTest, TheServersDrainIsUndoneByTheServer) {
    make();
    give_a(10);
    pass(2'000);
    CallReply drain;
    drain.drain = true;
    answer(report(), drain);
    EXPECT_TRUE(keeper_->draining());
    EXPECT_EQ(one<TrimSlot>().size, 0u);
    event(0, SlotTrimmed{kA, 0});
    auto request = report();
    EXPECT_TRUE(request->draining);
    answer(request, drain);
    request = sent(CallKind::kReport);
    if (request != nullptr) {
        answer(request, drain);
    }
    EXPECT_TRUE(take<Drained>().empty());  // it stays up
    pass(2'000);
    answer(report());
    EXPECT_FALSE(keeper_->draining());
    request = report();
    EXPECT_EQ(request->free_slots, 1);
    answer(request);
    EXPECT_NE(sent(CallKind::kAcquire), nullptr);
}

TEST_F(KeeperTest, AcquiresThatReturnAtOnceEmptyHandedSlowDown) {
    make();
    answer_register();
    answer(report());
    int acquires = 0;
    const Millis end = now_ + Millis(10'000);
    while (now_ < end) {
        if (const auto request = sent(CallKind::kAcquire)) {
            ++acquires;
            answer(request);
        }
        if (const auto request = sent(CallKind::kReport)) {
            answer(request);
        }
        pass(1);
    }
    EXPECT_LT(acquires, 30);
    EXPECT_GT(acquires, 5);
}

TEST_F(KeeperTest, AStopThatIsToldAgainAndAgainBringsNoFasterCalls) {
    make();
    give_a(1);
    int acquires = 0;
    const Millis end = now_ + Millis(10'000);
    while (now_ < end) {
        for (const CallKind kind : {CallKind::kAcquire, CallKind::kReport}) {
            if (const auto request = sent(kind)) {
                acquires += kind == CallKind::kAcquire ? 1 : 0;
                CallReply reply;
                reply.epoch = 4;
                reply.controls = {{kA, model::LeaseAction::kStop, 0}};
                answer(request, reply);
            }
        }
        pass(1);
    }
    EXPECT_LT(acquires, 30);
}

TEST_F(KeeperTest, SlotMillisecondsSumToSlotsTimesElapsed) {
    make(3);
    const Millis began = now_;
    pass(7);
    answer_register();
    pass(13);
    answer(report(), with({grant(1, kA, 10)}));
    pass(1'234);
    event(0, done(kA, 0, 10, 10));
    pass(100);
    answer(report());
    pass(321);
    keeper_->drain(now_);
    collect();
    pass(55);
    const model::SlotMillis ms = keeper_->slot_millis();
    EXPECT_EQ(std::accumulate(ms.begin(), ms.end(), int64_t{0}), 3 * (now_ - began).count());
    EXPECT_EQ(ms[static_cast<size_t>(model::SlotState::kBusy)], 1'234);
    EXPECT_EQ(ms[static_cast<size_t>(model::SlotState::kReport)], 100);
    EXPECT_EQ(ms[static_cast<size_t>(model::SlotState::kDraining)], 3 * 55);
}

model::LeaseResults results_of(uint64_t count, size_t bytes, int64_t first_ms) {
    model::LeaseResults results;
    for (uint64_t position = 0; position < count; ++position) {
        const Instant at = instant_ms(first_ms + static_cast<int64_t>(position));
        results.done.push_back({position, at, Micros(1), -1, -1, -1, -1});
        results.logs.push_back({position, bytes, std::string(bytes, 's')});
    }
    return results;
}

TEST(ResultCut, CountsTextAsItTravels) {
    EXPECT_EQ(wire_bytes("plain"), 5u);
    EXPECT_EQ(wire_bytes("a\n\"\\"), 7u);
    EXPECT_EQ(wire_bytes("\x1b[0m"), 9u);
}

TEST(ResultCut, TheNewestSuccessesKeepTheirTails) {
    model::LeaseResults one = results_of(3, 100, 0);     // end at 0, 1, 2
    model::LeaseResults other = results_of(3, 100, 10);  // end at 10, 11, 12
    other.done.erase(other.done.begin() + 1);            // at 11 it is a failure's
    other.failed.emplace_back().position = 1;
    EXPECT_EQ(keep_newest_logs({&one, &other}, 300), 300u);
    EXPECT_TRUE(one.logs[0].tail.empty());
    EXPECT_TRUE(one.logs[1].tail.empty());
    EXPECT_EQ(one.logs[0].bytes_total, 100u);  // that it printed is still known
    EXPECT_FALSE(one.logs[2].tail.empty());
    for (const model::LogTail& log : other.logs) {
        EXPECT_EQ(log.tail.size(), 100u) << log.position;
    }
}

TEST(ResultCut, ALongMessageCountsToo) {
    model::LeaseResults queue;
    for (uint64_t position = 0; position < 3; ++position) {
        queue.failed.emplace_back().position = position;
        queue.failed.back().message = std::string(2'000, 'm');
    }
    ReportRoom room{10, 5'000};
    EXPECT_EQ(result_count(cut_front(queue, room)), 2u);
    EXPECT_EQ(result_count(queue), 1u);
}

// Partitions that print control characters only, the longest text there is on the wire.
std::shared_ptr<SlotProgress> talkative_progress(LeaseId lease, uint64_t first, uint64_t count) {
    auto progress = std::make_shared<SlotProgress>();
    progress->lease = lease;
    progress->started = first + count;
    for (uint64_t position = first; position < first + count; ++position) {
        const Instant at = instant_ms(static_cast<int64_t>(position));
        progress->results.done.push_back({position, at, Micros(1), -1, -1, -1, -1});
        progress->results.logs.push_back(
            {position, 1 << 20, std::string(model::kLogTailBytesMax, '\x01')}
        );
    }
    return progress;
}

size_t tail_bytes(const std::vector<model::LeaseResults>& all) {
    size_t bytes = 0;
    for (const model::LeaseResults& results : all) {
        for (const model::LogTail& log : results.logs) {
            bytes += wire_bytes(log.tail);
        }
    }
    return bytes;
}

TEST_F(KeeperTest, AReportOfTalkativePartitionsHasALimit) {
    make();
    give_a(300);
    event(0, *talkative_progress(kA, 0, 300));
    const auto last = report();
    ASSERT_EQ(last->results.size(), 1u);
    EXPECT_EQ(last->results[0].done.size(), 300u);  // results do not wait for logs
    EXPECT_LE(tail_bytes(last->results), kReportLogBytesMax);
    EXPECT_GT(tail_bytes(last->results), kReportLogBytesMax / 2);
    EXPECT_FALSE(last->results[0].logs.back().tail.empty());
    EXPECT_TRUE(last->results[0].logs.front().tail.empty());
}

TEST_F(KeeperTest, FailuresKeepTheirTailsAndWaitForTheNextReport) {
    make();
    give_a(40);
    SlotProgress progress = *talkative_progress(kA, 0, 40);
    for (const model::DoneResult& done : progress.results.done) {
        progress.results.failed.emplace_back().position = done.position;
    }
    progress.results.done.clear();
    event(0, std::move(progress));
    size_t failures = 0;
    for (int calls = 0; failures < 40; ++calls) {
        ASSERT_LT(calls, 10);
        const auto call = report();
        ASSERT_EQ(call->results.size(), 1u);
        EXPECT_LE(tail_bytes(call->results), kReportFailureBytesMax);
        for (const model::LogTail& log : call->results[0].logs) {
            EXPECT_EQ(log.tail.size(), model::kLogTailBytesMax) << log.position;
        }
        failures += call->results[0].failed.size();
        answer(call);
    }
}

TEST_F(KeeperTest, LogsThatWaitForAServerHaveALimit) {
    make();
    give_a(1'000);
    pass(2'000);
    const auto heartbeat = report();  // under way all the time
    for (uint64_t first = 0; first < 900; first += 10) {
        event(0, *talkative_progress(kA, first, 10));
        ASSERT_LE(keeper_->log_bytes_queued(), kLogBytesQueuedMax);
    }
    EXPECT_EQ(keeper_->results_queued(), 900u);
    EXPECT_GT(keeper_->log_bytes_queued(), 0u);
}

TEST(ResultCut, KeepsTheOrderAndTheBudget) {
    model::LeaseResults queue;
    for (uint64_t position = 0; position < 10; ++position) {
        if (position % 3 == 1) {
            model::FailedResult failed;
            failed.position = position;
            queue.failed.push_back(failed);
            queue.logs.push_back({position, 70'000, std::string(60'000, 'f')});
        } else {
            queue.done.push_back({position, instant_ms(0), Micros(1), -1, -1, -1, -1});
            queue.logs.push_back({position, 10, std::string(1'000, 's')});
        }
        if (position % 2 == 0) {
            queue.phases.push_back({position, {static_cast<int64_t>(position)}});
        }
    }
    const model::LeaseResults all = queue;
    model::LeaseResults joined;
    int reports = 0;
    while (result_count(queue) > 0) {
        ReportRoom room{4, 130'000};
        const model::LeaseResults part = cut_front(queue, room);
        ASSERT_GT(result_count(part), 0u);
        ASSERT_LE(result_count(part), 4u);
        EXPECT_LE(part.failed.size(), 2u);
        EXPECT_EQ(part.logs.size(), result_count(part));
        joined.done.insert(joined.done.end(), part.done.begin(), part.done.end());
        joined.failed.insert(joined.failed.end(), part.failed.begin(), part.failed.end());
        joined.logs.insert(joined.logs.end(), part.logs.begin(), part.logs.end());
        joined.phases.insert(joined.phases.end(), part.phases.begin(), part.phases.end());
        for (const model::PhaseTimes& phases : part.phases) {
            EXPECT_LE(phases.position, part.logs.back().position);
        }
        ++reports;
    }
    EXPECT_EQ(joined.done, all.done);
    EXPECT_EQ(joined.failed, all.failed);
    EXPECT_EQ(joined.logs, all.logs);
    EXPECT_EQ(joined.phases, all.phases);
    EXPECT_GE(reports, 3);
    put_front(queue, joined);
    EXPECT_EQ(queue, all);
}

}  // namespace
}  // namespace servo::executor
