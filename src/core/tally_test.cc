#include "core/tally.h"

#include <gtest/gtest.h>

namespace servo::core {
namespace {

size_t bucket_of(Micros duration) {
    DurationTally tally;
    tally.add(duration);
    size_t at = 0;
    while (tally.counts[at] == 0) {
        ++at;
    }
    return at;
}

TEST(DurationTally, AnEdgeCountsWhatIsAsLongAsIt) {
    for (size_t i = 0; i < DurationTally::kEdgesMs.size(); ++i) {
        const Micros edge = Millis(DurationTally::kEdgesMs[i]);
        EXPECT_EQ(bucket_of(edge), i);
        EXPECT_EQ(bucket_of(edge + Micros(1)), i + 1);
    }
    EXPECT_EQ(bucket_of(Micros(-5)), 0u);
}

TEST(DurationTally, CountsTheSameInAnyOrder) {
    DurationTally tally;
    const size_t edges = DurationTally::kEdgesMs.size();
    for (size_t i = 0; i < edges; ++i) {
        tally.add(Millis(DurationTally::kEdgesMs[i * 7 % edges]));
        tally.add(Millis(DurationTally::kEdgesMs[i]));
        tally.add(Millis(DurationTally::kEdgesMs[i]));
    }
    for (size_t i = 0; i < edges; ++i) {
        EXPECT_EQ(tally.counts[i], 3u) << i;
    }
    EXPECT_EQ(tally.counts[edges], 0u);
}

TEST(DurationTally, HasAnEdgeAtAMinuteAndEndsAtThirtyDays) {
    EXPECT_EQ(bucket_of(Millis(60'000)) + 1, bucket_of(Millis(60'001)));
    EXPECT_EQ(DurationTally::kEdgesMs.back(), int64_t{30} * 86'400'000);
}

}  // namespace
}  // namespace servo::core
