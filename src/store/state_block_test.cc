#include "store/state_block.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "store/page_token.h"

namespace servo::store {
namespace {

StateOrigin origin(Outcome outcome, int64_t job, int64_t at_ms) {
    return {outcome, JobId(job), 1, instant_ms(at_ms)};
}

std::map<Ordinal, StateOrigin> cells_of(const StateBlock& block) {
    std::map<Ordinal, StateOrigin> out;
    for (const auto& [made_by, runs] : block.parts()) {
        for (const OrdinalRun& run : runs) {
            for (uint64_t i = 0; i < run.count; ++i) {
                const Ordinal at = run.first + static_cast<int64_t>(i) * run.stride;
                EXPECT_TRUE(out.emplace(at, made_by).second);
            }
        }
    }
    return out;
}

TEST(StateBlock, NegativeOrdinalsLieInNegativeBlocks) {
    EXPECT_EQ(state_block_of(0), 0);
    EXPECT_EQ(state_block_of(4'095), 0);
    EXPECT_EQ(state_block_of(4'096), 1);
    EXPECT_EQ(state_block_of(-1), -1);
    EXPECT_EQ(state_block_of(-4'096), -1);
    EXPECT_EQ(state_block_of(-4'097), -2);
    EXPECT_EQ(state_block_of(std::numeric_limits<int64_t>::min()), -(int64_t{1} << 51));
}

TEST(StateBlock, SplitCutsStridedRunsAtBlockBounds) {
    const OrdinalRun run{-10, 1'000, 60};
    uint64_t members = 0;
    for (const auto& [block, parts] : split_by_block({run})) {
        for (const OrdinalRun& part : parts) {
            EXPECT_EQ(state_block_of(part.first), block);
            EXPECT_EQ(state_block_of(part.last()), block);
            EXPECT_EQ(part.stride, 60);
            EXPECT_EQ((part.first + 10) % 60, 0);
            members += part.count;
        }
    }
    EXPECT_EQ(members, run.count);
}

TEST(StateBlock, LastWriterOfEachPartitionWinsAndMissingRemoves) {
    Prng prng(11);
    StateBlock block(-3);
    const Ordinal base = -3 * kStateBlockSize;
    std::map<Ordinal, StateOrigin> model;
    for (int round = 0; round < 200; ++round) {
        OrdinalRun run{base + prng.between(0, kStateBlockSize - 1), 1, prng.between(1, 90)};
        const Ordinal last = base + kStateBlockSize - 1;
        run.count = 1 + prng.below(static_cast<uint64_t>((last - run.first) / run.stride) + 1);
        run.count = std::min<uint64_t>(
            run.count, static_cast<uint64_t>((last - run.first) / run.stride) + 1
        );
        const auto outcome = static_cast<Outcome>(prng.below(4));
        StateOrigin made_by = origin(outcome, prng.between(1, 3), round / 4);
        block.apply({run}, made_by);
        for (uint64_t i = 0; i < run.count; ++i) {
            const Ordinal at = run.first + static_cast<int64_t>(i) * run.stride;
            const auto before = model.find(at);
            made_by.succeeded_before =
                outcome != Outcome::kSucceeded && before != model.end() &&
                (before->second.outcome == Outcome::kSucceeded || before->second.succeeded_before);
            model.erase(at);
            if (outcome != Outcome::kMissing) {
                model.emplace(at, made_by);
            }
        }
        ASSERT_EQ(cells_of(block), model);
        const auto read = StateBlock::decode(block.encode(), -3);
        ASSERT_TRUE(read.has_value()) << read.error().message;
        ASSERT_EQ(*read, block);
    }
}

TEST(StateBlock, RemembersThatAPartitionSucceededBefore) {
    StateBlock block(0);
    block.apply({{0, 2, 1}}, origin(Outcome::kSucceeded, 1, 1));
    block.apply({{0, 4, 1}}, origin(Outcome::kFailed, 2, 2));
    block.apply({{0, 4, 1}}, origin(Outcome::kFailed, 3, 3));
    const auto read = StateBlock::decode(block.encode(), 0);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    ASSERT_EQ(*read, block);
    StateRunCollector collector(0, 10);
    collector.add(*read);
    const auto runs = collector.take();
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(runs[0].ordinals, (OrdinalRun{0, 2, 1}));
    EXPECT_TRUE(runs[0].succeeded_before);
    EXPECT_EQ(runs[1].ordinals, (OrdinalRun{2, 2, 1}));
    EXPECT_FALSE(runs[1].succeeded_before);
    // A person who marks it as missing means that it never did.
    block.apply({{0, 1, 1}}, origin(Outcome::kMissing, 0, 4));
    block.apply({{0, 1, 1}}, origin(Outcome::kFailed, 4, 5));
    EXPECT_EQ(block.parts().size(), 3U);
    EXPECT_FALSE(block.parts().at(origin(Outcome::kFailed, 4, 5)).empty());
}

TEST(StateBlock, UniformBlockIsAFewBytes) {
    StateBlock block(500);
    block.apply({{500 * kStateBlockSize, 4'096, 1}}, origin(Outcome::kSucceeded, 1, 1));
    EXPECT_LE(block.encode().size(), 24U);
    EXPECT_FALSE(block.empty());
    block.apply({{500 * kStateBlockSize, 4'096, 1}}, origin(Outcome::kMissing, 2, 2));
    EXPECT_TRUE(block.empty());
}

TEST(StateBlock, RefusesEveryFlippedBitAndEveryTruncation) {
    StateBlock block(2);
    block.apply({{8'192, 100, 7}}, origin(Outcome::kSucceeded, 1, 1));
    block.apply({{8'200, 50, 1}}, origin(Outcome::kFailed, 9, 5));
    const std::string good = block.encode();
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(StateBlock::decode(bad, 2).has_value()) << bit;
    }
    for (size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(StateBlock::decode(std::string_view(good).substr(0, size), 2).has_value());
    }
}

TEST(StateRunCollector, JoinsAcrossBlocksAndTimesAndClips) {
    StateBlock first(0);
    // Interleaved in time: eleven at a time from two leases.
    first.apply({{0, 11, 1}, {100, 11, 1}}, origin(Outcome::kSucceeded, 1, 10));
    first.apply({{11, 89, 1}, {111, 3'985, 1}}, origin(Outcome::kSucceeded, 1, 20));
    StateBlock second(1);
    second.apply({{4'096, 10, 1}}, origin(Outcome::kSucceeded, 1, 30));
    StateRunCollector collector(5, 4'100);
    collector.add(first);
    collector.add(second);
    const auto runs = collector.take();
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].ordinals, (OrdinalRun{5, 4'096, 1}));
    EXPECT_EQ(runs[0].at, instant_ms(30));
    EXPECT_EQ(runs[0].outcome, Outcome::kSucceeded);
}

TEST(StateRunCollector, KeepsStridesAcrossBlocks) {
    StateRunCollector collector(
        std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()
    );
    for (const auto& [number, parts] : split_by_block({{30, 10'000, 60}})) {
        StateBlock block(number);
        block.apply(parts, origin(Outcome::kFailed, 4, 1));
        collector.add(block);
    }
    const auto runs = collector.take();
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0].ordinals, (OrdinalRun{30, 10'000, 60}));
}

TEST(PageToken, ReadsBackAndRefusesOthers) {
    const PagePlace place{instant_ms(1'700'000'000'123), JobId(987'654'321)};
    const std::string token = encode_page_token(place);
    const auto read = decode_page_token(token);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->created_at, place.created_at);
    EXPECT_EQ(read->id, place.id);
    for (const char* bad : {"", "x", "zzzzzzzzzzzzzzzz", "2024-01-01"}) {
        const auto refused = decode_page_token(bad);
        ASSERT_FALSE(refused.has_value()) << bad;
        EXPECT_EQ(refused.error().reason, "bad_page_token");
    }
}

}  // namespace
}  // namespace servo::store
