// Wire structs: names that the contract fixes, round trips, and what a bad document is told.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "api/admin.h"
#include "api/asset.h"
#include "api/backfill.h"
#include "api/json_names.h"
#include "api/partition.h"
#include "api/problem.h"

namespace servo::api {
namespace {

namespace json = boost::json;

Backfill full_backfill() {
    Backfill b;
    b.id = "bf_0123456789abcdef";
    b.group_id = "grp_0123456789abcdef";
    b.tenant_id = "acme";
    b.asset_name = "orders";
    b.asset_revision = 3;
    b.state = "running";
    b.total_partitions = 100;
    b.completed_partitions = 40;
    b.failed_partitions = 1;
    b.partitions_per_second = 2.5;
    b.avg_partition_duration_ms = 12.5;
    b.created_at = instant_ms(1'700'000'000'250);
    b.sla_deadline_at = instant_ms(1'700'000'100'000);
    b.timeout_ms = 60'000;
    return b;
}

TEST(Wire, BackfillHasTheMembersOfTheContract) {
    const json::object object = to_json(full_backfill());
    for (const char* name :
         {"id",
          "group_id",
          "tenant_id",
          "asset_name",
          "asset_revision",
          "state",
          "state_reason",
          "priority",
          "reprocess",
          "range_start",
          "range_end",
          "note",
          "created_by",
          "total_partitions",
          "completed_partitions",
          "failed_partitions",
          "skipped_partitions",
          "cancelled_partitions",
          "running_partitions",
          "pending_partitions",
          "partitions_per_second",
          "avg_partition_duration_ms",
          "created_at",
          "started_at",
          "completed_at",
          "sla_deadline_at",
          "estimated_completion_at",
          "estimated_completion_p90_at"}) {
        EXPECT_TRUE(object.contains(name)) << name;
    }
    EXPECT_EQ(object.at("created_at"), "2023-11-14T22:13:20.250Z");
    EXPECT_TRUE(object.at("started_at").is_null());
}

TEST(Wire, RoundTripKeepsEveryMember) {
    BackfillDetail detail;
    static_cast<Backfill&>(detail) = full_backfill();
    detail.reprocess = "failed";
    detail.overlap = "reject";
    detail.deadline_verdict = "none";
    detail.failures.push_back(
        {"data", 3, 5, {{"2024-01-01", "bad \"row\"", 2, 65, "ex-1", instant_ms(7)}}}
    );
    detail.waiting.push_back({"pool_limit", 9, "warehouse", instant_ms(5), std::nullopt, "wait"});
    detail.holders.push_back({"ex-1", "2024-01-02", 4, instant_ms(1000)});
    const std::string text = to_text(to_json(detail));
    const auto back = from_text<BackfillDetail>(text, Unknown::kRefuse);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_text(to_json(*back)), text);
    EXPECT_EQ(back->failures[0].examples[0].message, "bad \"row\"");
    EXPECT_EQ(back->created_at, detail.created_at);
    EXPECT_EQ(back->timeout_ms, 60'000);
}

TEST(Wire, ListsHaveItemsAndToken) {
    List<Event> list;
    list.items.push_back({instant_ms(1), "acme", "ann", "pool.held", "warehouse", "an hour"});
    EXPECT_EQ(
        to_text(to_json(list)),
        R"({"items":[{"at":"1970-01-01T00:00:00.001Z","tenant_id":"acme","actor":"ann",)"
        R"("kind":"pool.held","subject":"warehouse","detail":"an hour"}],"next_page_token":null})"
    );
}

Error refused(std::string_view text) {
    const auto result = from_text<StartRequest>(text, Unknown::kRefuse);
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
}

TEST(Wire, UnknownMemberNamesTheNearest) {
    const Error error = refused(R"({"asset":"orders","prioritty":3})");
    EXPECT_EQ(error.reason, "bad_body");
    ASSERT_EQ(error.fields.size(), 1U);
    EXPECT_EQ(error.fields[0].field, "prioritty");
    EXPECT_NE(error.fields[0].message.find("\"priority\""), std::string::npos);
}

TEST(Wire, EveryBadFieldIsListedWithItsPath) {
    const Error error = refused(
        R"({"selection":{"keys":["a",7],"dims":{"region":"eu"}},"priority":1.5,"reprocess":"al"})"
    );
    std::vector<std::string> fields;
    for (const FieldError& field : error.fields) {
        fields.push_back(field.field);
    }
    const std::vector<std::string> expected = {
        "asset", "selection.keys[1]", "selection.dims.region", "reprocess", "priority"};
    EXPECT_EQ(fields, expected);
}

TEST(Wire, SeveralBadFieldsAreNamedInTheSentence) {
    const Error error = refused(R"({"asset":"orders","reprocess":"mising","overlap":"wat"})");
    EXPECT_EQ(
        error.message,
        "reprocess: \"mising\" is not one of missing, failed, stale, all. Did you mean "
        "\"missing\"? "
        "overlap: \"wat\" is not one of reject, wait, skip. Did you mean \"wait\"?"
    );
    EXPECT_TRUE(refused(R"({"a":1,"b":2,"c":3,"d":4})").message.ends_with(" And 2 more."));
}

TEST(Wire, EmptyTextIsNotTakenForAbsent) {
    const std::vector<std::string> bodies = {
        R"({"asset":"orders","reprocess":""})",
        R"({"asset":"orders","overlap":""})",
        R"({"asset":"orders","selection":{"start":""}})",
    };
    for (const std::string& body : bodies) {
        EXPECT_EQ(refused(body).reason, "bad_body") << body;
    }
    const auto strict = [](const char* body) {
        return from_text<SettingsRequest>(body, Unknown::kRefuse);
    };
    const Error error = strict(R"({"priority":1,"for":""})").error();
    EXPECT_EQ(error.message, "for: must not be empty; leave it out instead.");
    EXPECT_EQ(strict(R"({"revision":""})").error().reason, "bad_body");
    EXPECT_EQ(strict(R"({"for":7})").error().fields.size(), 1U);
    EXPECT_EQ(strict(R"({"for":"2h"})").value().hold_for, "2h");
    EXPECT_EQ(strict(R"({"for":null})").value().hold_for, "");
    EXPECT_TRUE(to_json(SettingsRequest{}).at("for").is_null());
}

TEST(Json, ANameThatStandsTwiceIsRefused) {
    const auto said = [](std::string_view text) {
        const Status status = refuse_repeated_names(text);
        return status ? Error{} : status.error();
    };
    const Error error = said("{\"asset\":\"orders\",\n \"selection\":{\"start\":1,\"start\":2}}");
    EXPECT_EQ(error.reason, "repeated_name");
    ASSERT_EQ(error.fields.size(), 1U);
    EXPECT_EQ(error.fields[0].field, "selection.start");
    EXPECT_TRUE(error.message.starts_with("selection.start is given a second time at line 2, "))
        << error.message;
    EXPECT_EQ(said(R"([{"a":1},{"b":[{"c":1,"c":1}]}])").fields.at(0).field, "b.c");
    // The same name written in another way.
    EXPECT_EQ(said(R"({"asset":"a","\u0061sset":"b"})").reason, "repeated_name");
    EXPECT_EQ(said(R"({"":1,"":2})").reason, "repeated_name");
    // Names of other objects, values, and what is no JSON at all.
    EXPECT_EQ(said(R"({"a":{"a":{"a":"a"}},"b":["a","a",{"a":1},{"a":1}]})").reason, "");
    for (const char* other : {"", "7", "{", "{\"a\":1,", "nonsense"}) {
        EXPECT_EQ(said(other).reason, "") << other;
    }
}

TEST(Wire, WhatIsReservedSaysSo) {
    const Error error = refused(R"({"asset":"orders","canary":3})");
    ASSERT_EQ(error.fields.size(), 1U);
    EXPECT_EQ(error.fields[0].message, "is not in this version");
}

TEST(Wire, ClientsPassOverUnknownMembers) {
    EXPECT_TRUE(from_text<Changed>(R"({"changed":true,"new":{"x":1}})", Unknown::kIgnore));
    EXPECT_FALSE(from_text<Changed>(R"({"changed":true,"new":{"x":1}})", Unknown::kRefuse));
}

TEST(Wire, NullReadsAsAbsent) {
    const auto request =
        from_text<SettingsRequest>(R"({"priority":null,"timeout":"30m"})", Unknown::kRefuse);
    ASSERT_TRUE(request);
    EXPECT_FALSE(request->priority);
    EXPECT_EQ(request->timeout, "30m");
}

TEST(Json, DepthIsCapped) {
    const std::string deep(kJsonDepthMax + 1, '[');
    EXPECT_EQ(parse_json(deep).error().reason, "json_too_deep");
    const std::string bomb(1'000'000, '[');
    EXPECT_EQ(parse_json(bomb).error().reason, "json_too_deep");
    EXPECT_TRUE(parse_json(std::string(kJsonDepthMax, '[') + std::string(kJsonDepthMax, ']')));
}

TEST(Json, ErrorsSayWhere) {
    const auto error = parse_json("{\"a\": 1,\n \"b\": }").error();
    EXPECT_EQ(error.reason, "bad_json");
    EXPECT_NE(error.message.find("line 2, column 7"), std::string::npos) << error.message;
    EXPECT_FALSE(parse_json(""));
    EXPECT_FALSE(parse_json("{} {}"));
    EXPECT_FALSE(parse_json("{\"a\":1"));
}

TEST(Problem, RoundTrip) {
    Error error = conflict("overlap", "bf_1 owns 3 of these partitions.");
    error.fields.push_back({"selection.start", 4, "is after end"});
    error.retry_after_s = 2;
    const json::object document = problem_document(error, "req-1");
    EXPECT_EQ(document.at("type"), "about:servo/overlap");
    EXPECT_EQ(document.at("status"), 409);
    EXPECT_EQ(document.at("request_id"), "req-1");
    const Error back = error_from_problem(409, to_text(document));
    EXPECT_EQ(back.code, error.code);
    EXPECT_EQ(back.reason, error.reason);
    EXPECT_EQ(back.message, error.message);
    EXPECT_EQ(back.fields, error.fields);
    EXPECT_EQ(back.retry_after_s, 2);
}

TEST(Problem, StatusFollowsCodeAndSomeReasons) {
    EXPECT_EQ(http_status(invalid_argument("bad_body", "")), 422);
    EXPECT_EQ(http_status(invalid_argument("bad_json", "")), 400);
    EXPECT_EQ(http_status(resource_exhausted("queue_full", "")), 429);
    EXPECT_EQ(http_status(resource_exhausted("body_too_large", "")), 413);
    EXPECT_EQ(http_status(not_found("no_such_backfill", "")), 404);
}

TEST(Problem, ForeignAnswersBecomeErrorsOfTheirStatus) {
    const Error error = error_from_problem(502, "<html>Bad gateway</html>");
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_EQ(error.reason, "unexpected_answer");
    EXPECT_EQ(error_from_problem(404, "").code, ErrorCode::kNotFound);
}

TEST(Problem, APageOfHealthIsNoForeignAnswer) {
    const Error error =
        error_from_problem(503, R"({"status":"database_unreachable","role":"standby"})");
    EXPECT_EQ(error.code, ErrorCode::kUnavailable);
    EXPECT_EQ(error.reason, "not_ready");
    EXPECT_EQ(error.message, "The server is not ready: database_unreachable.");
}

}  // namespace
}  // namespace servo::api
