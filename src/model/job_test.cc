#include "model/job.h"

#include <gtest/gtest.h>

namespace servo::model {
namespace {

JobCheckpoint sample() {
    JobCheckpoint checkpoint;
    checkpoint.remaining = RunSet(Run{100, 1'000'000});
    checkpoint.failed.add(7);
    checkpoint.skipped.add(Run{0, 5});
    checkpoint.cancelled.add(Run{50, 60});
    checkpoint.counters.completed = 84;
    checkpoint.counters.failed = 1;
    checkpoint.counters.skipped = 5;
    checkpoint.counters.cancelled = 10;
    checkpoint.counters.attempts_completed = 84;
    checkpoint.counters.attempts_failed[2] = 3;
    checkpoint.counters.busy_us = 123'456'789;
    checkpoint.counters.wasted_us = 42;
    return checkpoint;
}

TEST(JobCheckpoint, ReadsBackAndRefusesDamage) {
    const std::string good = encode_checkpoint(sample());
    EXPECT_EQ(decode_checkpoint(good).value(), sample());
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(decode_checkpoint(bad).has_value()) << "bit " << bit;
    }
    for (size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(decode_checkpoint(std::string_view(good).substr(0, size)).has_value());
    }
}

TEST(JobCheckpoint, CountersAddUp) {
    EXPECT_EQ(sample().counters.finished(), 100U);
}

TEST(JobState, WordsReadBack) {
    for (size_t i = 0; i < kJobStateCount; ++i) {
        const auto state = static_cast<JobState>(i);
        EXPECT_EQ(job_state_from(to_string(state)), state);
    }
    EXPECT_EQ(job_state_from("done"), std::nullopt);
}

TEST(JobState, CompletedAndCancelledAreAbsorbingAndFailedOnlyRunsAgain) {
    for (size_t i = 0; i < kJobStateCount; ++i) {
        const auto to = static_cast<JobState>(i);
        EXPECT_FALSE(transition_allowed(JobState::kCompleted, to));
        EXPECT_FALSE(transition_allowed(JobState::kCancelled, to));
        EXPECT_EQ(transition_allowed(JobState::kFailed, to), to == JobState::kRunning);
    }
    EXPECT_TRUE(is_terminal(JobState::kFailed));
    EXPECT_FALSE(is_terminal(JobState::kCancelling));
}

TEST(ReprocessPolicy, WordsReadBack) {
    EXPECT_EQ(reprocess_policy_from("stale"), ReprocessPolicy::kStale);
    EXPECT_EQ(reprocess_policy_from("some"), std::nullopt);
}

}  // namespace
}  // namespace servo::model
