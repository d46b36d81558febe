#include "trace/backfill_spans.h"

#include <gtest/gtest.h>

namespace servo::trace {
namespace {

constexpr const char* kCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

model::JobRow job(int64_t id, model::JobState state) {
    model::JobRow row;
    row.id = model::JobId(id);
    row.state = state;
    row.created_at = instant_ms(1'000);
    if (model::is_terminal(state)) {
        row.completed_at = instant_ms(4'500);
    }
    return row;
}

BackfillNames names(const model::JobRow&) {
    return {"acme", "orders"};
}

TEST(BackfillSpans, OneForEachThatEnded) {
    model::ChangeSet changes;
    changes.jobs = {job(1, model::JobState::kRunning), job(2, model::JobState::kFailed)};
    model::JobCheckpoint checkpoint;
    checkpoint.job = model::JobId(2);
    checkpoint.counters.failed = 3;
    changes.checkpoints.push_back(checkpoint);
    const auto spans = backfill_spans(changes, names);
    ASSERT_EQ(1U, spans.size());
    EXPECT_EQ(model::span_of(model::JobId(2), 1), spans[0].id);
    EXPECT_EQ(0U, spans[0].parent);
    EXPECT_EQ(Micros(3'500'000), spans[0].duration);
    EXPECT_TRUE(spans[0].failed);
    EXPECT_EQ("3 partitions failed", spans[0].message);
}

TEST(BackfillSpans, AreAPartOfTheCallersTrace) {
    model::ChangeSet changes;
    changes.jobs = {job(1, model::JobState::kCompleted)};
    changes.jobs[0].traceparent = kCaller;
    const auto spans = backfill_spans(changes, names);
    ASSERT_EQ(1U, spans.size());
    EXPECT_EQ("0af7651916cd43dd8448eb211c80319c", model::to_hex(spans[0].trace));
    EXPECT_EQ("b7ad6b7169203331", model::to_hex(spans[0].parent));
    EXPECT_FALSE(spans[0].failed);
}

TEST(BackfillSpans, NoneWhereTheCallerRecordsNothing) {
    model::ChangeSet changes;
    changes.jobs = {job(1, model::JobState::kCompleted)};
    changes.jobs[0].traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    EXPECT_TRUE(backfill_spans(changes, names).empty());
}

}  // namespace
}  // namespace servo::trace
