#include "executor/log_feed.h"

#include <gtest/gtest.h>

namespace servo::executor {
namespace {

using Wishes = std::vector<model::LogWish>;
using Piece = LogTailBuffer::Piece;

constexpr Micros kLater = Micros(1'000'000'000);

class LogFeedTest : public testing::Test {
 protected:
    LogFeed feed_;
    Micros now_ = kLater;
    model::LogWish wish_{model::LeaseId(5), 2, 0};

    // The server said that something is wanted, was called, and named the wish.
    void watch() {
        feed_.wanted();
        const auto first = feed_.take_report(now_);
        ASSERT_TRUE(first.has_value());
        EXPECT_TRUE(first->empty());
        feed_.on_reply(Wishes{wish_}, now_);
    }
    // Asks the slots, which answer `piece`; the report that follows, if any.
    std::optional<std::vector<model::LogChunk>> round(std::optional<Piece> piece) {
        now_ = std::max(now_, feed_.next_due());
        for (const LogFeed::Ask& ask : feed_.take_asks(now_)) {
            feed_.on_answer(ask.id, piece, now_);
        }
        return feed_.take_report(now_);
    }
};

TEST_F(LogFeedTest, SaysAndAsksNothingUntilSomethingIsWanted) {
    EXPECT_TRUE(feed_.take_asks(now_).empty());
    EXPECT_FALSE(feed_.take_report(now_).has_value());
    EXPECT_EQ(feed_.next_due(), Micros::max());
}

TEST_F(LogFeedTest, SendsWhatIsNewAndGoesOnWhereTheServerSays) {
    watch();
    const auto report = round(Piece{0, 6, "hello\n"});
    ASSERT_TRUE(report.has_value());
    const model::LogChunk expected{wish_.lease, wish_.position, 0, 6, "hello\n"};
    EXPECT_EQ(report->front(), expected);
    EXPECT_TRUE(feed_.take_asks(now_ + kLogAskEvery).empty());  // while it is under way
    wish_.offset = 6;
    feed_.on_reply(Wishes{wish_}, now_);
    now_ = std::max(now_, feed_.next_due());
    const auto asks = feed_.take_asks(now_);
    ASSERT_EQ(asks.size(), 1u);
    EXPECT_EQ(asks.front().wish.offset, 6u);
}

TEST_F(LogFeedTest, SilenceIsToldOnceAndThenOnlyToRenew) {
    watch();
    ASSERT_TRUE(round(Piece{0, 0, ""}).has_value());  // the server learns that it was heard
    feed_.on_reply(Wishes{wish_}, now_);
    const Micros replied = now_;
    int calls = 0;
    while (now_ < replied + kLogRenewAfter) {
        calls += round(Piece{0, 0, ""}).has_value() ? 1 : 0;
    }
    EXPECT_EQ(calls, 1);
    EXPECT_GE(now_, replied + kLogRenewAfter);
}

TEST_F(LogFeedTest, EndsWhenNobodyReadsAnyMore) {
    watch();
    ASSERT_TRUE(round(Piece{0, 1, "x"}).has_value());
    feed_.on_reply(Wishes{}, now_);
    EXPECT_TRUE(feed_.take_asks(now_ + kLater).empty());
    EXPECT_FALSE(feed_.take_report(now_ + kLater).has_value());
    EXPECT_EQ(feed_.next_due(), Micros::max());
}

TEST_F(LogFeedTest, AFailedCallEndsItUntilItIsWantedAgain) {
    watch();
    ASSERT_TRUE(round(Piece{0, 1, "x"}).has_value());
    feed_.on_reply(fail(unavailable("server_unreachable", "gone")), now_);
    EXPECT_EQ(feed_.next_due(), Micros::max());
    watch();
    EXPECT_TRUE(round(Piece{0, 1, "x"}).has_value());
}

TEST_F(LogFeedTest, ASlotThatDoesNotAnswerHoldsNothingUp) {
    watch();
    const model::LogWish other{model::LeaseId(6), 0, 0};
    ASSERT_TRUE(round(std::nullopt) == std::nullopt);
    feed_ = LogFeed();
    feed_.wanted();
    feed_.take_report(now_);
    feed_.on_reply(Wishes{wish_, other}, now_);
    now_ = std::max(now_, feed_.next_due());
    const auto asks = feed_.take_asks(now_);
    ASSERT_EQ(asks.size(), 2u);
    feed_.on_answer(asks[0].id, Piece{0, 1, "x"}, now_);
    EXPECT_FALSE(feed_.take_report(now_).has_value());
    const auto report = feed_.take_report(now_ + kLogAnswerWait);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->size(), 1u);
    // Its answer comes too late to be taken for one of the next round.
    feed_.on_answer(asks[1].id, Piece{0, 1, "y"}, now_);
    EXPECT_FALSE(feed_.take_report(now_).has_value());
}

}  // namespace
}  // namespace servo::executor
