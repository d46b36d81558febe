// More and fewer slots while there is work.
#include "executor/keeper_test_support.h"

namespace servo::executor {
namespace {

class KeeperSlotsTest : public KeeperTest {
 protected:
    void set_slots(int slots) {
        keeper_->set_slots(slots, now_);
        collect();
    }
    std::vector<int> ended() {
        std::vector<int> slots;
        for (const EndSlot& end : take<EndSlot>()) {
            slots.push_back(end.slot);
        }
        return slots;
    }
    // The registration that follows; the server takes it.
    int registered_slots() {
        run_until(now_ + Millis(500));  // its jitter
        const auto sent = take<SendRegister>();
        EXPECT_EQ(sent.size(), 1u);
        model::RegisterReply reply;
        reply.executor_id = model::ExecutorId(3);
        reply.epoch = 1;
        keeper_->on_register_reply(reply, now_);
        collect();
        return sent.empty() ? 0 : sent[0].request->slots;
    }
};

TEST_F(KeeperSlotsTest, MoreAreToldToTheServerAndUsedWhenTheyAreReady) {
    make(1);
    give_a(100);
    set_slots(3);
    EXPECT_EQ(registered_slots(), 3);
    EXPECT_EQ(report()->free_slots, 0);
    event(1, SlotReady{});
    event(2, SlotReady{});
    EXPECT_TRUE(ended().empty());
    EXPECT_EQ(keeper_->slots(), 3);
    EXPECT_EQ(keeper_->held(), (std::vector<model::HeldLease>{{kA, 100, 0}}));
}

TEST_F(KeeperSlotsTest, IdleOnesEndAtOnce) {
    make(3);
    give_a(100);
    set_slots(1);
    EXPECT_EQ(ended(), (std::vector<int>{2, 1}));
    EXPECT_EQ(registered_slots(), 1);
    EXPECT_EQ(report()->free_slots, 0);
}

TEST_F(KeeperSlotsTest, ABusyOneFinishesItsLeaseFirst) {
    make(2);
    answer_register();
    answer(report(), with({grant(1, kA, 5), grant(2, kB, 5)}));
    const auto fed = take<FeedSlot>();
    ASSERT_EQ(fed.size(), 2u);
    set_slots(1);
    EXPECT_TRUE(ended().empty());
    event(1, done(kB, 0, 5, 5));
    const auto last = report();
    EXPECT_EQ(last->free_slots, 0);             // the free one is to go
    EXPECT_TRUE(ended().empty());               // its results are not answered
    EXPECT_TRUE(take<SendRegister>().empty());  // and the server counts it
    answer(last);
    EXPECT_EQ(ended(), std::vector<int>{1});
    EXPECT_EQ(sent(CallKind::kAcquire), nullptr);
    EXPECT_EQ(registered_slots(), 1);
    answer(report());
    event(0, done(kA, 0, 5, 5));
    EXPECT_EQ(report()->free_slots, 1);
}

TEST_F(KeeperSlotsTest, AChangeDuringARegistrationIsToldAfterIt) {
    make(1);
    const auto first = one<SendRegister>();
    EXPECT_EQ(first.request->slots, 1);
    set_slots(2);
    EXPECT_TRUE(take<SendRegister>().empty());
    model::RegisterReply reply;
    reply.epoch = 1;
    keeper_->on_register_reply(reply, now_);
    collect();
    EXPECT_EQ(registered_slots(), 2);
}

TEST_F(KeeperSlotsTest, ALeaseThatLostItsSlotKeepsOneCounted) {
    make(2);
    answer_register();
    answer(report(), with({grant(1, kA, 5), grant(2, kB, 5)}));
    event(1, SlotLost{instant_ms(5)});  // its lease waits for a slot
    set_slots(1);
    EXPECT_TRUE(ended().empty());
    EXPECT_EQ(keeper_->held().size(), 2u);
}

TEST_F(KeeperSlotsTest, SlotTimeGoesOnToAddUp) {
    make(1);
    answer_register();
    pass(1'000);
    set_slots(4);
    pass(1'000);
    set_slots(2);
    pass(1'000);
    int64_t all = 0;
    for (const int64_t ms : keeper_->slot_millis()) {
        all += ms;
    }
    EXPECT_EQ(all, 1'000 + 4'000 + 2'000);
}

}  // namespace
}  // namespace servo::executor
