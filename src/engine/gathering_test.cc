#include "engine/gathering.h"

#include <gtest/gtest.h>

namespace servo::engine {
namespace {

TEST(Gathering, WaitsForTheCallersThatWereAnswered) {
    Gathering gathering;
    EXPECT_EQ(gathering.wanted(5, 20), 25U);
    gathering.waited(20, 20);
    EXPECT_EQ(gathering.wanted(0, 25), 25U);
}

TEST(Gathering, AFewAnswersAreNotWorthAWait) {
    Gathering gathering;
    EXPECT_EQ(gathering.wanted(100, kSiblingsMin - 1), 0U);
    EXPECT_EQ(gathering.wanted(0, kSiblingsMin), kSiblingsMin);
}

TEST(Gathering, StopsForSomeTimeWhereTheyDoNotCome) {
    Gathering gathering;
    ASSERT_GT(gathering.wanted(0, 20), 0U);
    gathering.waited(9, 20);
    for (size_t i = 0; i < kBatchesWithout; ++i) {
        EXPECT_EQ(gathering.wanted(0, 20), 0U) << i;
    }
    EXPECT_EQ(gathering.wanted(0, 20), 20U);
    gathering.waited(10, 20);
    EXPECT_EQ(gathering.wanted(0, 20), 20U);
}

}  // namespace
}  // namespace servo::engine
