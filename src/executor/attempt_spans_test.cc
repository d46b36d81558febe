#include "executor/attempt_spans.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace servo::executor {
namespace {

FeedSlot feed(int64_t lease, uint64_t first_position, uint64_t first_index, uint64_t count) {
    FeedSlot out;
    out.first_position = first_position;
    out.grant.lease = model::LeaseId(lease);
    out.grant.token_base = lease + static_cast<int64_t>(first_position);
    out.grant.job = model::JobId(9);
    out.grant.tenant_name = "acme";
    out.grant.asset = model::AssetId(1);
    out.grant.revision = 1;
    out.grant.runs = {{first_index, first_index + count}};
    out.grant.ordinals = {{static_cast<int64_t>(first_index), count, 1}};
    model::Definition definition;
    definition.spec.name = "orders";
    definition.spec.run.kind = model::RunnerKind::kSynthetic;
    out.definition = std::make_shared<const model::Definition>(std::move(definition));
    return out;
}

model::DoneResult done(uint64_t position, int64_t start_ms) {
    model::DoneResult result;
    result.position = position;
    result.started_at = instant_ms(start_ms);
    result.duration = Micros(250'000);
    return result;
}

SlotProgress progress(int64_t lease, std::vector<model::DoneResult> results) {
    SlotProgress out;
    out.lease = model::LeaseId(lease);
    out.results.lease = out.lease;
    out.results.done = std::move(results);
    return out;
}

class AttemptSpansTest : public ::testing::Test {
 protected:
    std::vector<trace::Span> seen_;
    AttemptSpans spans_{"worker-1", [this](trace::Span span) { seen_.push_back(std::move(span)); }};

    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const trace::Span& span : seen_) {
            out.emplace_back(span.name);
        }
        return out;
    }
};

TEST_F(AttemptSpansTest, AttemptsAreBelowTheirLeaseAndThatBelowItsBackfill) {
    spans_.fed(feed(100, 0, 40, 2));
    spans_.reported(0, progress(100, {done(0, 1'000)}));
    SlotProgress second = progress(100, {});
    model::FailedResult failed;
    failed.position = 1;
    failed.started_at = instant_ms(1'300);
    failed.duration = Micros(100'000);
    failed.klass = model::FailureClass::kData;
    failed.message = "bad row";
    second.results.failed = {failed};
    spans_.reported(0, second);

    ASSERT_EQ((std::vector<std::string>{"attempt", "attempt", "lease"}), names());
    EXPECT_EQ(model::span_of_attempt(100), seen_[0].id);
    EXPECT_EQ(model::span_of_attempt(101), seen_[1].id);
    EXPECT_EQ("bad row", seen_[1].message);
    EXPECT_EQ(seen_[2].id, seen_[0].parent);
    EXPECT_EQ(seen_[2].id, seen_[1].parent);
    EXPECT_EQ(model::span_of(model::JobId(9), 1), seen_[2].parent);
    EXPECT_EQ(instant_ms(1'000), seen_[2].start);
    EXPECT_EQ(Micros(400'000), seen_[2].duration);
    for (const trace::Span& span : seen_) {
        EXPECT_EQ(model::trace_of(model::JobId(9), ""), span.trace);
    }
}

TEST_F(AttemptSpansTest, AnAttemptIsNamedByItsPartitionsKey) {
    for (const model::RunnerKind kind :
         {model::RunnerKind::kSynthetic, model::RunnerKind::kCommand}) {
        FeedSlot fed = feed(100, 0, 1, 1);
        model::Definition definition = *fed.definition;
        definition.spec.partitions.dimensions.push_back({"", model::StaticKeys{{"eu", "us"}, {}}});
        definition.spec.run.kind = kind;
        definition.spec.run.argv = {"true"};
        fed.definition = std::make_shared<const model::Definition>(std::move(definition));
        fed.grant.asset = model::AssetId(2 + static_cast<int64_t>(kind));
        spans_.fed(fed);
        spans_.reported(0, progress(100, {done(0, 1'000)}));
        const auto& attempt = seen_.at(seen_.size() - 2);
        const std::pair<std::string_view, trace::AttributeValue> key("servo.partition_key", "us");
        EXPECT_EQ(std::count(attempt.attributes.begin(), attempt.attributes.end(), key), 1)
            << static_cast<int>(kind);
    }
}

TEST_F(AttemptSpansTest, MoreOfALeaseBelongsToTheSameSpanWhileItRuns) {
    spans_.fed(feed(100, 0, 40, 2));
    spans_.reported(0, progress(100, {done(0, 1'000)}));
    spans_.fed(feed(100, 2, 42, 1));
    spans_.reported(0, progress(100, {done(1, 1'300), done(2, 1'600)}));
    EXPECT_EQ((std::vector<std::string>{"attempt", "attempt", "attempt", "lease"}), names());
}

TEST_F(AttemptSpansTest, WhatWasCutShortStillEnds) {
    spans_.fed(feed(100, 0, 40, 5));
    spans_.reported(0, progress(100, {done(0, 1'000)}));
    spans_.fed(feed(200, 0, 80, 5));  // the rest of the lease went elsewhere
    EXPECT_EQ((std::vector<std::string>{"attempt", "lease"}), names());
    spans_.reported(0, progress(100, {done(1, 2'000)}));  // late word of the old one: not ours
    EXPECT_EQ(2U, seen_.size());
    spans_.reported(0, progress(200, {done(0, 3'000)}));
    spans_.all_ended();
    EXPECT_EQ((std::vector<std::string>{"attempt", "lease", "attempt", "lease"}), names());
}

TEST_F(AttemptSpansTest, NothingWhereTheCallerRecordsNothing) {
    FeedSlot quiet = feed(100, 0, 40, 1);
    quiet.grant.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    spans_.fed(quiet);
    spans_.reported(0, progress(100, {done(0, 1'000)}));
    spans_.all_ended();
    EXPECT_TRUE(seen_.empty());
}

}  // namespace
}  // namespace servo::executor
