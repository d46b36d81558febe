#include "report/statistics.h"

#include <gtest/gtest.h>

namespace servo::report {
namespace {

TEST(Statistics, PercentilesAreMeasuredValues) {
    EXPECT_FALSE(percentile({}, 50));
    EXPECT_EQ(percentile({7}, 1), 7);
    EXPECT_EQ(percentile({7}, 100), 7);
    // Ten values: the 5th, the 10th (95 % of 10 is 9.5), the 10th.
    const std::vector<double> ten = {10, 1, 9, 2, 8, 3, 7, 4, 6, 5};
    EXPECT_EQ(percentile(ten, 50), 5);
    EXPECT_EQ(percentile(ten, 51), 6);
    EXPECT_EQ(percentile(ten, 90), 9);
    EXPECT_EQ(percentile(ten, 95), 10);
    EXPECT_EQ(percentile(ten, 99), 10);
}

TEST(Statistics, FairnessIsOneWhenAllGetTheSame) {
    EXPECT_DOUBLE_EQ(*jain_index({4, 4, 4}), 1);
    EXPECT_DOUBLE_EQ(*jain_index({5, 0, 0, 0}), 0.25);
    // (1 + 3)² / (2 · (1 + 9)) = 16 / 20
    EXPECT_DOUBLE_EQ(*jain_index({1, 3}), 0.8);
    EXPECT_FALSE(jain_index({}));
    EXPECT_FALSE(jain_index({0, 0}));
}

TEST(Statistics, ChangeNeedsABase) {
    EXPECT_DOUBLE_EQ(*relative_change(150, 100), 0.5);
    EXPECT_DOUBLE_EQ(*relative_change(0, 100), -1);
    EXPECT_FALSE(relative_change(5, 0));
}

}  // namespace
}  // namespace servo::report
