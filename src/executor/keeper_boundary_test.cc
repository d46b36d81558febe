// Where a lease ends: top-ups, shrinks, and what a slot is fed after them.
#include "executor/keeper_test_support.h"

namespace servo::executor {
namespace {

TEST_F(KeeperTest, ShortWorkIsToppedUpBeforeItRunsOut) {
    make();
    give_a(100);
    constexpr Micros kEach{10'000};
    event(0, done(kA, 0, 30, 31, kEach));  // 69 × 10 ms are left
    EXPECT_EQ(sent(CallKind::kReport), nullptr);
    event(0, done(kA, 30, 60, 61, kEach));  // 390 ms
    const auto low = report();
    answer(low);  // nothing more to be had
    event(0, done(kA, 60, 70, 71, kEach));
    EXPECT_EQ(sent(CallKind::kReport), nullptr);  // asked once
    pass(2'000);
    answer(report(), with({grant(2, kA, 50, 100)}));
    const FeedSlot more = one<FeedSlot>();
    EXPECT_EQ(more.first_position, 100u);
    EXPECT_EQ(keeper_->held(), (std::vector<model::HeldLease>{{kA, 150, 71}}));
}

TEST_F(KeeperTest, ALateTopUpOfAClosedLeaseContinuesItsNumbers) {
    make();
    give_a(2);
    event(0, done(kA, 0, 2, 2));
    answer(report());
    EXPECT_TRUE(keeper_->held().empty());
    answer(sent(CallKind::kAcquire), with({grant(2, kA, 3, 2)}));
    EXPECT_EQ(one<FeedSlot>().first_position, 2u);
    EXPECT_EQ(keeper_->held(), (std::vector<model::HeldLease>{{kA, 5, 2}}));
    event(0, done(kA, 2, 5, 5));
    answer(report());
    EXPECT_TRUE(keeper_->held().empty());
}

TEST_F(KeeperTest, ShrinkIsSettledByTheSlot) {
    make();
    give_a(10);
    event(0, done(kA, 0, 2, 3));
    pass(2'000);
    answer(report(), control(kA, LeaseAction::kShrink, 3));
    EXPECT_EQ(one<TrimSlot>().size, 3u);
    EXPECT_EQ(keeper_->held()[0].size, 10u);  // not before the slot said so
    pass(2'000);
    answer(report(), control(kA, LeaseAction::kShrink, 3));
    EXPECT_TRUE(take<TrimSlot>().empty());  // already asked
    // The slot had gone on in the meantime.
    event(0, done(kA, 2, 4, 5));
    event(0, SlotTrimmed{kA, 5});
    EXPECT_EQ(report()->held, (std::vector<model::HeldLease>{{kA, 5, 5}}));
    event(0, done(kA, 4, 5, 5));
    EXPECT_EQ(keeper_->slots_busy(), 0);
}

TEST_F(KeeperTest, ATopUpOfAShrunkLeaseIsReceivedAndGivenBack) {
    make();
    give_a(10);
    pass(2'000);
    answer(report(), control(kA, LeaseAction::kShrink, 4));
    pass(2'000);
    const auto next = report();
    answer(next, with({grant(2, kA, 5, 10)}));
    EXPECT_EQ(keeper_->ack(), 1);  // the boundary is not settled
    EXPECT_TRUE(take<FeedSlot>().empty());
    event(0, SlotTrimmed{kA, 4});
    // Its positions start at 10, which this lease does not reach: at 4 they would be others.
    answer(report(), with({grant(2, kA, 5, 10)}));
    EXPECT_TRUE(take<FeedSlot>().empty());
    EXPECT_EQ(keeper_->ack(), 2);
    EXPECT_EQ(report()->held, (std::vector<model::HeldLease>{{kA, 4, 0}}));
}

TEST_F(KeeperTest, AToppedUpLeaseMovesToAnotherSlotWithTheNewPartAlone) {
    make(1);
    answer_register();
    answer(report(), with({grant(1, kA, 10), grant(2, kB, 1)}));
    EXPECT_EQ(one<FeedSlot>().grant.lease, kA);
    event(0, done(kA, 0, 3, 4));
    pass(2'000);
    answer(report(), control(kA, LeaseAction::kShrink, 4));
    EXPECT_EQ(one<TrimSlot>().size, 4u);
    event(0, SlotTrimmed{kA, 4});
    event(0, done(kA, 3, 4, 4));
    EXPECT_EQ(one<FeedSlot>().grant.lease, kB);
    pass(2'000);
    answer(report(), with({grant(3, kA, 5, 4)}));
    EXPECT_TRUE(take<FeedSlot>().empty());  // no slot is free
    event(0, done(kB, 0, 1, 1));
    const FeedSlot fed = one<FeedSlot>();
    EXPECT_EQ(fed.first_position, 4u);
    EXPECT_EQ(fed.grant.number, 3);
}

TEST_F(KeeperTest, ALeaseThatShrinksWhileItWaitsIsFedCut) {
    make(1);
    answer_register();
    Grant waiting = grant(2, kB, 6);
    waiting.runs = {{0, 2}, {10, 14}};
    waiting.ordinals = {{98, 2, 1}, {50, 4, 1}};
    waiting.reversed = true;
    answer(report(), with({grant(1, kA, 1), waiting}));
    EXPECT_EQ(one<FeedSlot>().grant.lease, kA);
    pass(2'000);
    answer(report(), control(kB, LeaseAction::kShrink, 3));
    event(0, done(kA, 0, 1, 1));
    const FeedSlot fed = one<FeedSlot>();
    EXPECT_EQ(fed.grant.lease, kB);
    EXPECT_EQ(fed.grant.runs, (std::vector<model::Run>{{0, 2}, {10, 11}}));
    EXPECT_EQ(fed.grant.ordinals, (std::vector<model::OrdinalRun>{{98, 2, 1}, {53, 1, 1}}));
}

}  // namespace
}  // namespace servo::executor
