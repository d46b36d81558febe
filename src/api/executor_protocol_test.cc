#include "api/executor_protocol.h"

#include <gtest/gtest.h>

#include "api/executor_wire.h"
#include "api/utf8.h"
#include "base/packed_text.h"
#include "base/prng.h"
#include "model/records.h"

namespace servo::api {
namespace {

using namespace model;

DoneResult random_done(Prng& prng, uint64_t position, bool with_extras) {
    DoneResult done;
    done.position = position;
    done.started_at = instant_ms(1'700'000'000'000 + prng.between(-5'000, 5'000));
    done.duration = Micros(prng.between(0, 10'000'000));
    if (with_extras) {
        done.rows = prng.between(-1, 1'000);
        done.bytes = prng.between(-1, 1'000'000);
        done.max_rss_kb = prng.between(-1, 100'000);
        done.cpu_us = prng.between(-1, 1'000'000);
    }
    return done;
}

FailedResult random_failed(Prng& prng, uint64_t position) {
    FailedResult failed;
    failed.position = position;
    failed.started_at = instant_ms(prng.between(0, 1'700'000'000'000));
    failed.duration = Micros(prng.between(0, 10'000'000));
    failed.klass = static_cast<FailureClass>(prng.below(kFailureClassCount));
    failed.exit_code = static_cast<int>(prng.between(-64, 255));
    failed.message = "line\nwith \"quotes\" and ü";
    failed.retry_after = Millis(prng.between(0, 60'000));
    failed.pool = prng.chance(1, 2) ? "warehouse" : "";
    failed.slot_died = prng.chance(1, 4);
    return failed;
}

CallRequest random_request(Prng& prng) {
    CallRequest request;
    request.session = SessionId(static_cast<int64_t>(prng.next() >> 1));
    request.call = prng.between(1, 1'000'000);
    request.ack = prng.between(0, 1'000);
    const size_t leases = prng.below(4);
    for (size_t i = 0; i < leases; ++i) {
        const uint64_t started = prng.below(50);
        request.held.push_back(
            {LeaseId(first_token(7) + static_cast<int64_t>(i)), started + prng.below(50), started}
        );
        LeaseResults results;
        results.lease = request.held.back().lease;
        const bool extras = prng.chance(1, 2);
        for (uint64_t position = 0; position < prng.below(20); ++position) {
            results.done.push_back(random_done(prng, position, extras));
        }
        results.failed.push_back(random_failed(prng, 30));
        if (prng.chance(1, 2)) {
            PhaseTimes& told = results.phases.emplace_back();
            told.position = 30;
            told.us[prng.below(kPhaseCount - 1)] = prng.between(0, 10'000'000);
        }
        results.logs.push_back({30, 100'000, "tail"});
        request.results.push_back(std::move(results));
    }
    for (int64_t& ms : request.slot_ms) {
        ms = prng.between(0, 1'000'000);
    }
    request.free_slots = static_cast<int>(prng.below(8));
    request.draining = prng.chance(1, 2);
    request.leaving = prng.chance(1, 2);
    return request;
}

// Through text, as on the wire.
template <typename T>
boost::json::value wire(const T& value) {
    return parse_json(to_text(value)).value();
}

TEST(ExecutorProtocol, CallRequestRoundTrip) {
    Prng prng(11);
    for (int i = 0; i < 200; ++i) {
        const CallRequest request = random_request(prng);
        const auto back = call_request_from(wire(request), CallKind::kReport, Unknown::kRefuse);
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(back->session, request.session);
        EXPECT_EQ(back->call, request.call);
        EXPECT_EQ(back->ack, request.ack);
        EXPECT_EQ(back->held, request.held);
        EXPECT_EQ(back->results, request.results);
        EXPECT_EQ(back->slot_ms, request.slot_ms);
        EXPECT_EQ(back->free_slots, request.free_slots);
        EXPECT_EQ(back->draining, request.draining);
        EXPECT_EQ(back->leaving, request.leaving);
    }
}

TEST(ExecutorProtocol, CallReplyRoundTrip) {
    CallReply reply;
    reply.epoch = 7;
    reply.call = 12;
    Grant grant;
    grant.number = 3;
    grant.lease = LeaseId(first_token(7) + 5);
    grant.token_base = first_token(7) + 5;
    grant.first_position = 40;
    grant.job = JobId(12345);
    grant.generation = 2;
    grant.attempt = 3;
    grant.tenant = TenantId(4);
    grant.tenant_name = "acme";
    grant.asset = AssetId(9);
    grant.revision = 2;
    grant.runs = {{0, 2}, {10, 11}};
    grant.ordinals = {{-5, 2, 1}, {100, 1, 24}};
    grant.reversed = true;
    grant.timeout = Millis(60'000);
    grant.memory_bytes = 1 << 30;
    grant.suspect = true;
    reply.grants.push_back(grant);
    reply.controls = {
        {LeaseId(5), LeaseAction::kShrink, 4}, {LeaseId(6), LeaseAction::kUnknown, 0}};
    Definition definition;
    definition.asset = AssetId(9);
    definition.revision = 2;
    definition.spec.name = "orders";
    definition.spec.partitions.dimensions = {{"", StaticKeys{{"eu", "us"}, {}}}};
    definition.spec.run.argv = {"./load.sh", "{partition.key}"};
    definition.code_dir = "/srv/code";
    reply.definitions.push_back(definition);
    reply.drain = true;
    reply.seq = 13;

    const auto back = call_reply_from(wire(reply), Unknown::kIgnore);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->grants, reply.grants);
    EXPECT_EQ(back->controls, reply.controls);
    ASSERT_EQ(back->definitions.size(), 1U);
    EXPECT_EQ(back->definitions[0].spec, definition.spec);
    EXPECT_EQ(back->definitions[0].code_dir, "/srv/code");
    EXPECT_TRUE(back->drain);
    EXPECT_EQ(back->epoch, 7);
    EXPECT_EQ(back->seq, 13);
}

TEST(ExecutorProtocol, RegisterRoundTrip) {
    RegisterRequest request;
    request.executor = "ex-1";
    request.session = SessionId(99);
    request.number = 3;
    request.slots = 8;
    request.labels = {{"zone", "eu"}};
    request.held = {{LeaseId(1), 3, 2}};
    request.previous_gone = true;
    request.ack = 4;
    request.seen = {6, 11};
    const auto back = register_request_from(wire(to_json(request)), Unknown::kRefuse);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->executor, "ex-1");
    EXPECT_EQ(back->labels, request.labels);
    EXPECT_EQ(back->held, request.held);
    EXPECT_EQ(back->number, 3);
    EXPECT_TRUE(back->previous_gone);
    EXPECT_EQ(back->seen, request.seen);
    const auto reply =
        register_reply_from(wire(to_json(RegisterReply{ExecutorId(3), 7, 12})), Unknown::kIgnore);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->seq, 12);
    EXPECT_EQ(reply->executor_id, ExecutorId(3));
    EXPECT_EQ(reply->lease_ttl, kLeaseTtl);
}

// The text that is written at once is that of the document, character by character.
TEST(ExecutorProtocol, TextWrittenAtOnceIsThatOfTheDocument) {
    CallReplyWire reply;
    EXPECT_EQ(struct_text(reply), to_text(to_json(reply)));
    reply.epoch = INT64_MIN;
    reply.grants.resize(2);
    reply.grants[0].tenant_id = "quote \" back \\ slash / tab \t nul \x01 ü 😀";
    reply.grants[0].first_position = UINT64_MAX;
    reply.grants[1].runs = {{1, 2}, {}, {INT64_MAX}};
    reply.grants[1].reversed = true;
    reply.definitions.push_back({1, 2, {{"a", {1, "\n", nullptr}}, {"b", {{"c", 0.5}}}}, ""});
    EXPECT_EQ(struct_text(reply), to_text(to_json(reply)));

    CallRequestWire request;
    request.slot_ms = {{"busy", 1}, {"odd \"key\"", -2}};
    request.results.resize(2);
    request.results[1].done = DoneColumns{{0, 1}, {5, -5}, {7, 8}, Column{-1, 3}, {}, {}, {}};
    EXPECT_EQ(struct_text(request), to_text(to_json(request)));
}

std::string reason_of(const char* results) {
    const std::string text =
        std::string(R"({"session":1,"call":1,"ack":0,"results":)") + results + "}";
    const auto request =
        call_request_from(parse_json(text).value(), CallKind::kReport, Unknown::kRefuse);
    return request ? "" : request.error().reason;
}

TEST(ExecutorProtocol, ColumnsThatDoNotFitAreRefused) {
    EXPECT_EQ(reason_of(R"([{"lease":1,"done":{"pos":[0],"start":[5],"dur":[1]}}])"), "");
    for (const char* bad : {
             R"([{"lease":1,"done":{"pos":[0,1],"start":[5],"dur":[1,1]}}])",
             R"([{"lease":1,"done":{"pos":[0],"start":[5],"dur":[-1]}}])",
             R"([{"lease":1,"done":{"pos":[-1],"start":[5],"dur":[1]}}])",
             R"([{"lease":1,"done":{"pos":[0],"start":[-5],"dur":[1]}}])",
             R"([{"lease":1,"done":{"pos":[0,1],"start":[9223372036854775807,9223372036854775807],"dur":[1,1]}}])",
             R"([{"lease":1,"done":{"pos":[0],"start":[5],"dur":[1],"rows":[1,2]}}])",
             R"([{"lease":1,"done":{"pos":["0"],"start":[5],"dur":[1]}}])",
             R"([{"lease":1,"failed":[{"pos":0,"start":1,"dur":1,"class":"odd"}]}])",
             R"([{"lease":1,"phases":[{"pos":0,"us":{"odd":1}}]}])",
             R"([{"lease":1,"phases":[{"pos":0,"us":{"opaque":1}}]}])",
             R"([{"lease":1,"phases":[{"pos":0,"us":{"cpu":-1}}]}])",
             R"([{"lease":1,"phases":[{"pos":0,"us":{"cpu":9223372036854775807}}]}])",
         }) {
        EXPECT_EQ(reason_of(bad), "bad_body") << bad;
    }
}

TEST(ExecutorProtocol, ResultsAreCapped) {
    CallRequest request;
    request.session = SessionId(1);
    request.results.resize(1);
    request.results[0].done.resize(kResultsPerReportMax + 1);
    const auto back = call_request_from(wire(request), CallKind::kReport, Unknown::kRefuse);
    EXPECT_EQ(back.error().reason, "too_many_results");
}

TEST(ExecutorProtocol, OutputOfProgramsIsMadeFit) {
    CallRequest request;
    request.session = SessionId(1);
    request.results.resize(1);
    FailedResult failed;
    failed.message = "\xff" + std::string(kMessageBytesMax, 'x');
    request.results[0].failed.push_back(failed);
    request.results[0].logs.push_back({0, 1'000'000, std::string(kLogTailBytesMax, 'a') + "\xc3"});
    const auto back = call_request_from(wire(request), CallKind::kReport, Unknown::kRefuse);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->results[0].failed[0].message.substr(0, 4), "\xEF\xBF\xBDx");
    const std::string& packed = back->results[0].logs[0].tail;
    EXPECT_LT(packed.size(), kLogTailBytesMax / 10);
    const std::string tail = unpack_text(packed, kLogTailBytesMax).value();
    EXPECT_GT(tail.size(), kLogTailBytesMax - 4);
    EXPECT_EQ(tail.substr(0, 1), "a");
}

TEST(Utf8, ValidIsUnchangedAndInvalidReplaced) {
    const std::string good = "aä€😀\n";
    EXPECT_EQ(valid_utf8(good), good);
    const std::string mark = "\xEF\xBF\xBD";
    EXPECT_EQ(valid_utf8("\x80"), mark);
    EXPECT_EQ(valid_utf8("\xC0\xAF"), mark + mark);             // overlong
    EXPECT_EQ(valid_utf8("\xED\xA0\x80"), mark + mark + mark);  // surrogate
    EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);
    EXPECT_EQ(valid_utf8("\xE2\x82"), mark + mark);
    EXPECT_EQ(clean_head("aä€", 3), "aä");
    EXPECT_EQ(clean_head("aä€", 2), "a");
    EXPECT_EQ(clean_tail("aä€b", 4), "€b");
    EXPECT_EQ(clean_tail("aä€b", 3), "b");
    EXPECT_EQ(clean_tail(std::string(100, '\x80'), 7), mark + mark);
}

}  // namespace
}  // namespace servo::api
