#include "model/records.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "model/changes.h"
#include "model/protocol.h"

namespace servo::model {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;

// Partitions run one after the other on one slot.
std::vector<DoneEntry> one_slot(Index first, size_t count, Prng& prng) {
    std::vector<DoneEntry> entries;
    int64_t clock_ms = kStart;
    for (size_t i = 0; i < count; ++i) {
        DoneEntry entry;
        entry.index = first + i;
        entry.started_at = instant_ms(clock_ms);
        entry.duration = Micros(prng.between(100'000, 400'000));
        entry.executor = ExecutorId(3);
        clock_ms += entry.duration.count() / 1'000 + prng.between(0, 2);
        entries.push_back(entry);
    }
    return entries;
}

TEST(DoneLog, ReadsBackWhatWasWritten) {
    Prng prng(7);
    for (int round = 0; round < 300; ++round) {
        const uint64_t block = prng.below(1'000'000);
        std::vector<DoneEntry> entries;
        Index index = block * kDoneBlockSize + prng.below(100);
        while (index < (block + 1) * kDoneBlockSize && prng.chance(199, 200)) {
            DoneEntry entry;
            entry.index = index;
            entry.started_at = instant_ms(kStart + prng.between(-1'000'000, 1'000'000));
            entry.duration = prng.chance(1, 5) ? Micros(prng.between(1'000'000, 10'000'000'000))
                                               : Micros(prng.between(0, 999'999));
            entry.attempt = static_cast<int>(prng.between(1, 3));
            entry.executor = ExecutorId(prng.between(0, 4));
            if (prng.chance(1, 2)) {
                entry.rows = prng.between(-1, int64_t{1} << 60);
                entry.max_rss_kb = prng.between(0, 100'000);
            }
            if (round % 2 == 0) {
                entry.bytes = prng.between(0, 1'000);
                entry.cpu_us = prng.between(0, 1'000'000);
            }
            entries.push_back(entry);
            index += prng.chance(3, 4) ? 1 : 1 + prng.below(50);
        }
        const auto read = decode_done(encode_done(entries, block), block);
        ASSERT_TRUE(read.has_value()) << read.error().message;
        EXPECT_EQ(*read, entries);
    }
}

TEST(DoneLog, KeepsExtremeValues) {
    DoneEntry low;
    low.index = 0;
    low.started_at = instant_ms(-5);
    low.duration = Micros(std::numeric_limits<int64_t>::max());
    low.rows = std::numeric_limits<int64_t>::min();
    low.bytes = std::numeric_limits<int64_t>::max();
    DoneEntry high = low;
    high.index = kDoneBlockSize - 1;
    high.started_at = kNever;
    high.rows = std::numeric_limits<int64_t>::max();
    high.bytes = 0;
    high.attempt = 2'000'000'000;
    high.executor = ExecutorId(std::numeric_limits<int64_t>::max());
    const std::vector<DoneEntry> entries = {low, high};
    EXPECT_EQ(decode_done(encode_done(entries, 0), 0).value(), entries);
}

TEST(DoneLog, IsSmall) {
    Prng prng(1);
    EXPECT_LE(encode_done(one_slot(0, 100, prng), 0).size(), 100U * 3);
    EXPECT_LE(encode_done(one_slot(0, 16, prng), 0).size(), 16U * 5);
    EXPECT_LE(encode_done(one_slot(0, 1, prng), 0).size(), 32U);
}

TEST(DoneLog, AbsentColumnsCostNothingAndSteadyOnesAlmost) {
    Prng prng(1);
    std::vector<DoneEntry> entries = one_slot(0, 1'000, prng);
    const size_t bare = encode_done(entries, 0).size();
    for (DoneEntry& entry : entries) {
        entry.max_rss_kb = 4'096;
    }
    EXPECT_LE(encode_done(entries, 0).size(), bare + 8);
}

TEST(DoneLog, RefusesEveryFlippedBitAndEveryTruncation) {
    Prng prng(3);
    const std::string good = encode_done(one_slot(4'096, 20, prng), 1);
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        const auto read = decode_done(bad, 1);
        ASSERT_FALSE(read.has_value());
        EXPECT_EQ(read.error().reason, "corrupt_payload");
    }
    for (size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(decode_done(std::string_view(good).substr(0, size), 1).has_value());
    }
}

TEST(DoneLog, EmptyRowIsReadable) {
    EXPECT_TRUE(decode_done(encode_done({}, 5), 5).value().empty());
}

TEST(Outcome, WordsReadBack) {
    for (const Outcome outcome :
         {Outcome::kSucceeded, Outcome::kFailed, Outcome::kSkipped, Outcome::kMissing}) {
        EXPECT_EQ(outcome_from(to_string(outcome)), outcome);
    }
    EXPECT_EQ(outcome_from("unknown"), std::nullopt);
}

TEST(DurationStats, MeanAndQuantilesFollowTheSamples) {
    DurationStats stats;
    EXPECT_EQ(stats.mean(), Micros(0));
    EXPECT_EQ(stats.quantile_per_mille(500), Micros(0));
    for (int64_t us = 1; us <= 10'000; ++us) {
        stats.add(Micros(us));
    }
    EXPECT_EQ(stats.count, 10'000U);
    EXPECT_EQ(stats.mean(), Micros(5'000));
    const int64_t p50 = stats.quantile_per_mille(500).count();
    EXPECT_GE(p50, 5'000);
    EXPECT_LE(p50, 5'000 * 5 / 4);
    EXPECT_GE(stats.quantile_per_mille(1'000).count(), 10'000);
    EXPECT_GE(stats.quantile_per_mille(0).count(), 1);
}

TEST(DurationStats, BucketEdgeHoldsItsOwnValueAtEverySize) {
    Prng prng(5);
    for (int shift = 0; shift < 63; ++shift) {
        const int64_t value = (int64_t{1} << shift) + prng.between(0, (int64_t{1} << shift) - 1);
        DurationStats stats;
        stats.add(Micros(value));
        const int64_t edge = stats.quantile_per_mille(500).count();
        EXPECT_GE(edge, value);
        EXPECT_LE(static_cast<double>(edge), static_cast<double>(value) * 1.25 + 1);
    }
}

TEST(DurationStats, ReadsBackAndRefusesDamage) {
    DurationStats stats;
    Prng prng(2);
    for (int i = 0; i < 1'000; ++i) {
        stats.add(Micros(prng.between(0, int64_t{1} << 40)), 1 + prng.below(5));
    }
    const std::string good = encode_duration_stats(stats);
    EXPECT_EQ(decode_duration_stats(good).value(), stats);
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(decode_duration_stats(bad).has_value());
    }
    EXPECT_FALSE(decode_duration_stats("").has_value());
    EXPECT_EQ(decode_duration_stats(encode_duration_stats({})).value(), DurationStats{});
}

TEST(ChangeSet, IsEmptyOnlyWithoutAnyChange) {
    EXPECT_TRUE(ChangeSet{}.empty());
    ChangeSet changes;
    changes.ended_grants.insert({LeaseId(1), 1});
    EXPECT_FALSE(changes.empty());
    ChangeSet events;
    events.events.push_back({});
    EXPECT_FALSE(events.empty());
}

TEST(Grant, SizeCountsThePartitionsOfAllRuns) {
    Grant grant;
    EXPECT_EQ(grant.size(), 0U);
    grant.runs = {{5, 8}, {1, 2}};
    EXPECT_EQ(grant.size(), 4U);
    EXPECT_EQ(to_string(SlotState::kDraining), "draining");
    EXPECT_EQ(to_string(LeaseAction::kUnknown), "unknown");
}

}  // namespace
}  // namespace servo::model
