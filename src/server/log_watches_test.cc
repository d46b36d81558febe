#include "server/log_watches.h"

#include <gtest/gtest.h>

#include "model/records.h"

namespace servo::server {
namespace {

constexpr model::SessionId kSession(7);
const LogWatches::Key kKey{kSession, model::LeaseId(70), 3};

model::LogChunk chunk(uint64_t offset, const std::string& text) {
    return {kKey.lease, kKey.position, offset, offset + text.size(), text};
}

LogWatches::Reading read(LogWatches& watches, uint64_t offset, Millis now) {
    auto reading = watches.read(kKey, offset, now);
    EXPECT_TRUE(reading.has_value());
    return std::move(*reading);
}

TEST(LogWatches, NothingIsAskedForWhileNobodyReads) {
    LogWatches watches;
    EXPECT_FALSE(watches.wanted_of(kSession, Millis(0)));
    EXPECT_TRUE(watches.take({kSession, {chunk(0, "unasked")}}, Millis(0)).empty());
    EXPECT_FALSE(read(watches, 0, Millis(0)).known);
    EXPECT_EQ(read(watches, 0, Millis(1)).text, "");
}

TEST(LogWatches, AReaderGetsWhatComesAndGoesOnFromThere) {
    LogWatches watches;
    read(watches, 0, Millis(0));
    EXPECT_TRUE(watches.wanted_of(kSession, Millis(1)));
    EXPECT_FALSE(watches.wanted_of(model::SessionId(8), Millis(1)));
    const std::vector<model::LogWish> first{{kKey.lease, kKey.position, 0}};
    EXPECT_EQ(watches.take({kSession, {chunk(0, "")}}, Millis(2)), first);
    EXPECT_TRUE(read(watches, 0, Millis(2)).known);
    const std::vector<model::LogWish> second{{kKey.lease, kKey.position, 5}};
    EXPECT_EQ(watches.take({kSession, {chunk(0, "hello")}}, Millis(3)), second);
    // The same once more, as after a lost reply, is not printed twice.
    EXPECT_EQ(watches.take({kSession, {chunk(0, "hello")}}, Millis(4)), second);
    const LogWatches::Reading reading = read(watches, 0, Millis(5));
    EXPECT_TRUE(reading.known);
    EXPECT_EQ(reading.text, "hello");
    EXPECT_EQ(reading.next_offset, 5u);
    watches.take({kSession, {chunk(5, " there")}}, Millis(6));
    EXPECT_EQ(read(watches, 5, Millis(7)).text, " there");
    EXPECT_EQ(read(watches, 2, Millis(7)).text, "llo there");
    EXPECT_EQ(read(watches, 11, Millis(7)).text, "");
}

TEST(LogWatches, AnotherSessionCannotSpeakForIt) {
    LogWatches watches;
    read(watches, 0, Millis(0));
    EXPECT_TRUE(watches.take({model::SessionId(8), {chunk(0, "forged")}}, Millis(1)).empty());
    EXPECT_FALSE(read(watches, 0, Millis(2)).known);
}

TEST(LogWatches, AWatchEndsWithItsReaders) {
    LogWatches watches;
    read(watches, 0, Millis(0));
    EXPECT_TRUE(watches.wanted_of(kSession, kLogWatchKept));
    EXPECT_FALSE(watches.wanted_of(kSession, kLogWatchKept + Millis(1)));
    // Whoever comes back goes on where they were.
    read(watches, 40, Millis(20'000));
    const std::vector<model::LogWish> wishes{{kKey.lease, kKey.position, 40}};
    EXPECT_EQ(watches.take({kSession, {}}, Millis(20'001)), wishes);
    // A second reader who has seen nothing makes the executor begin again.
    read(watches, 0, Millis(20'002));
    EXPECT_EQ(watches.take({kSession, {}}, Millis(20'003)).front().offset, 0u);
}

TEST(LogWatches, MemoryAndReadersAreBounded) {
    LogWatches watches;
    read(watches, 0, Millis(0));
    const std::string page(16 * 1024, 'x');
    for (uint64_t i = 0; i < 100; ++i) {
        watches.take({kSession, {chunk(i * page.size(), page)}}, Millis(1));
    }
    const LogWatches::Reading reading = read(watches, 0, Millis(2));
    EXPECT_EQ(reading.text.size(), model::kLogTailBytesMax);
    EXPECT_EQ(reading.next_offset, 100 * page.size());
    EXPECT_EQ(reading.offset, reading.next_offset - model::kLogTailBytesMax);  // a gap before it
    for (uint64_t i = 1; i < kLogWatchesMax; ++i) {
        EXPECT_TRUE(watches.read({kSession, model::LeaseId(100), i}, 0, Millis(3)).has_value());
    }
    const auto refused = watches.read({kSession, model::LeaseId(100), 9'999}, 0, Millis(3));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, "too_many_log_readers");
    EXPECT_LE(watches.take({kSession, {}}, Millis(4)).size(), model::kLogWishesMax);
}

}  // namespace
}  // namespace servo::server
