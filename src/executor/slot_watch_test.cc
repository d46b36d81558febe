#include "executor/slot_watch.h"

#include <gtest/gtest.h>

namespace servo::executor {
namespace {

using model::AssetId;

constexpr Micros kSecond{1'000'000};
constexpr Micros kMinute = kSecond * 60;
const Durations::Revision kOrders{AssetId(1), 1};

TEST(SlotWatch, TheUsualDurationIsThatOf99OutOf100) {
    Durations durations;
    EXPECT_FALSE(durations.usual(kOrders).has_value());
    for (int i = 1; i < static_cast<int>(kDurationsMin); ++i) {
        durations.add(kOrders, kSecond);
        EXPECT_FALSE(durations.usual(kOrders).has_value());
    }
    durations.add(kOrders, kSecond);
    EXPECT_EQ(durations.usual(kOrders), kSecond);
    for (size_t i = 0; i < 100; ++i) {
        durations.add(kOrders, kSecond);
    }
    durations.add(kOrders, kMinute);  // one of more than a hundred
    EXPECT_EQ(durations.usual(kOrders), kSecond);
    durations.add(kOrders, kMinute);
    durations.add(kOrders, kMinute);
    EXPECT_EQ(durations.usual(kOrders), kMinute);
    EXPECT_FALSE(durations.usual({AssetId(1), 2}).has_value());
    for (size_t i = 0; i < kDurationsKept; ++i) {
        durations.add(kOrders, kSecond);  // what was long ago is forgotten
    }
    EXPECT_EQ(durations.usual(kOrders), kSecond);
}

TEST(SlotWatch, RevisionsThatWereSilentLongestAreForgotten) {
    Durations durations;
    for (int64_t asset = 1; asset <= static_cast<int64_t>(kRevisionsKept) + 1; ++asset) {
        for (size_t i = 0; i < kDurationsMin; ++i) {
            durations.add({AssetId(asset), 1}, kSecond);
        }
    }
    EXPECT_FALSE(durations.usual({AssetId(1), 1}).has_value());
    EXPECT_TRUE(durations.usual({AssetId(2), 1}).has_value());
}

TEST(SlotWatch, PastItsTimeoutAndTheGraceItIsStuck) {
    SlotSigns signs{true, kMinute, kMinute, std::nullopt, std::nullopt};
    const StuckRules rules;
    EXPECT_FALSE(stuck_as(signs, rules, kMinute * 2 + rules.beyond).has_value());
    EXPECT_EQ(stuck_as(signs, rules, kMinute * 2 + rules.beyond + Micros(1)), Stuck::kTimeout);
    signs.running = false;
    EXPECT_FALSE(stuck_as(signs, rules, kMinute * 60).has_value());
    signs = {true, Micros(0), Micros(0), std::nullopt, std::nullopt};  // no timeout at all
    EXPECT_FALSE(stuck_as(signs, rules, kMinute * 600).has_value());
}

TEST(SlotWatch, WhatWasKilledAndDoesNotEndIsStuck) {
    const SlotSigns signs{true, kMinute, kMinute * 60, kMinute, std::nullopt};
    const StuckRules rules;
    EXPECT_FALSE(stuck_as(signs, rules, kMinute + rules.beyond).has_value());
    EXPECT_EQ(stuck_as(signs, rules, kMinute + rules.beyond + Micros(1)), Stuck::kKilled);
}

TEST(SlotWatch, AProcessThatIsStoppedIsStuckWhateverItSaid) {
    const SlotSigns signs{false, kMinute, Micros(0), std::nullopt, std::nullopt, kMinute};
    const StuckRules rules;
    EXPECT_FALSE(stuck_as(signs, rules, kMinute + rules.beyond).has_value());
    EXPECT_EQ(stuck_as(signs, rules, kMinute + rules.beyond + Micros(1)), Stuck::kStopped);
}

TEST(SlotWatch, FarBeyondTheUsualItMakesNoProgress) {
    SlotSigns signs{true, Micros(0), kMinute * 600, std::nullopt, kSecond};
    const StuckRules rules;
    EXPECT_FALSE(stuck_as(signs, rules, kMinute * 5).has_value());  // never before the floor
    EXPECT_EQ(stuck_as(signs, rules, kMinute * 5 + Micros(1)), Stuck::kNoProgress);
    signs.usual = kMinute * 10;
    EXPECT_FALSE(stuck_as(signs, rules, kMinute * 30).has_value());
    EXPECT_EQ(stuck_as(signs, rules, kMinute * 30 + Micros(1)), Stuck::kNoProgress);
}

}  // namespace
}  // namespace servo::executor
