#include "model/trace.h"

#include <gtest/gtest.h>

#include <set>

namespace servo::model {
namespace {

constexpr std::string_view kGiven = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, IsReadAsTheStandardSays) {
    const auto context = parse_traceparent(kGiven);
    ASSERT_TRUE(context);
    EXPECT_EQ("0af7651916cd43dd8448eb211c80319c", to_hex(context->trace));
    EXPECT_EQ("b7ad6b7169203331", to_hex(context->span));
    EXPECT_TRUE(context->sampled);
    EXPECT_EQ(kGiven, to_traceparent(*context));
    EXPECT_TRUE(
        parse_traceparent("42-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes")
    );
    EXPECT_FALSE(
        parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->sampled
    );
}

TEST(Traceparent, WhatIsNoneIsIgnored) {
    for (const std::string_view text : {
             "",
             "00",
             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
             "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "00-00000000000000000000000000000000-b7ad6b7169203331-01",
             "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
             "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
         }) {
        EXPECT_FALSE(parse_traceparent(text)) << text;
    }
}

TEST(Trace, ABackfillIsInItsCallersTraceOrItsOwn) {
    const JobId job{42};
    EXPECT_EQ(parse_traceparent(kGiven)->trace, trace_of(job, kGiven));
    EXPECT_EQ(trace_of(job, ""), trace_of(job, "nonsense"));
    EXPECT_FALSE(trace_of(job, "") == trace_of(JobId{43}, ""));
    EXPECT_TRUE(trace_recorded(""));
    EXPECT_FALSE(trace_recorded("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
}

TEST(Trace, SpansDiffer) {
    std::set<SpanId> spans;
    constexpr int64_t kEach = 1'000;
    for (int64_t i = 1; i <= kEach; ++i) {
        spans.insert(span_of(JobId{i * kEach}, 1));
        spans.insert(span_of(JobId{i * kEach}, 2));
        spans.insert(span_of(LeaseId{i}, 0));
        spans.insert(span_of(LeaseId{i}, 7));
        spans.insert(span_of_attempt(i));
    }
    EXPECT_EQ(size_t{5 * kEach}, spans.size());
    EXPECT_FALSE(spans.contains(0));
}

}  // namespace
}  // namespace servo::model
