// What a request to start a backfill selects, what repeats it, and why it does not run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/full_server_test.h"

namespace servo::server {
namespace {

constexpr const char* kJanuary =
    R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-31"}})";

TEST(StartBackfill, WhatRepeatsABackfillNamesItsDimensions) {
    TestServer server;
    server.apply(
        "version: 1\nassets:\n  sales:\n    run: { command: [make] }\n    partitions: { "
        "dimensions: { date: "
        "{ every: day, start: 2024-01-01 }, region: { keys: [eu, us, apac] } } }\n"
    );
    const auto command_of = [&server](const std::string& selection) {
        const auto started =
            server.post("/v1/backfills", R"({"asset":"sales","selection":)" + selection + "}");
        EXPECT_EQ(started.status, 200) << started.reply.body;
        return server.get("/v1/backfills/" + started.text("id")).text("command");
    };
    const std::string some =
        command_of(R"({"start":"2024-01-01","end":"2024-06-30","dims":{"region":["us","eu"]}})");
    EXPECT_NE(some.find(" --dim region=eu,us"), std::string::npos) << some;
    const std::string all = command_of(R"({"start":"2024-07-01","end":"2024-12-31"})");
    EXPECT_EQ(all.find("--dim"), std::string::npos) << all;
}

TEST(StartBackfill, WhatRepeatsABackfillNamesAllThatWasGiven) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const auto started = server.post(
        "/v1/backfills",
        R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-31"},"priority":2,)"
        R"("sla_deadline":"2100-01-01T00:00:00Z","overlap":"wait","note":"ann's redo"})"
    );
    ASSERT_EQ(started.status, 200) << started.reply.body;
    const std::string path = "/v1/backfills/" + started.text("id");
    const std::string start =
        "servo backfill start orders --start 2024-01-01T00:00:00Z --end 2024-02-01T00:00:00Z "
        "--reprocess failed --overlap wait --priority 2 --sla-deadline 2100-01-01T00:00:00Z "
        "--note 'ann'\\''s redo'";
    EXPECT_EQ(server.get(path).text("command"), start);
    EXPECT_EQ(
        server.call("PATCH", path, R"({"timeout":"90m","memory":"2Gi","max_attempts":"3"})").status,
        200
    );
    EXPECT_EQ(
        server.get(path).text("command"),
        "id=$(" + start +
            ") && servo backfill set \"$id\" --timeout 1h30m --memory 2Gi --max-attempts 3"
    );
}

TEST(StartBackfill, WhatRepeatsABackfillNeverRunsMore) {
    TestServer server;
    server.apply(
        asset_yaml("orders") +
        "  regions: { run: { command: [make] }, partitions: { keys: [eu, us, apac] } }\n"
    );
    const auto started = [&server](const std::string& body) {
        const auto answer = server.post("/v1/backfills", body);
        EXPECT_EQ(answer.status, 200) << answer.reply.body;
        return server.get("/v1/backfills/" + answer.text("id"));
    };
    const auto two =
        started(R"({"asset":"orders","selection":{"keys":["2024-01-01","2024-01-05"]}})");
    EXPECT_EQ(
        two.text("command"),
        "servo backfill start orders --partition 2024-01-01 --partition 2024-01-05 "
        "--reprocess failed"
    );
    EXPECT_TRUE(two.json.at("range_start").is_null());
    EXPECT_TRUE(two.json.at("range_end").is_null());
    std::string keys;
    for (int day = 6; day <= 30; ++day) {
        keys += (keys.empty() ? "" : ",") + fmt::format(R"("2024-01-{:02}")", day);
    }
    EXPECT_NE(
        started(R"({"asset":"orders","selection":{"keys":[)" + keys + "]}}")
            .text("command")
            .find(" --partitions-file FILE_OF_ITS_25_KEYS "),
        std::string::npos
    );
    EXPECT_EQ(
        started(R"({"asset":"regions","selection":{"keys":["eu"]}})").text("command"),
        "servo backfill start regions --partition eu --reprocess failed"
    );
    EXPECT_EQ(
        started(R"({"asset":"regions","reprocess":"all","overlap":"wait"})").text("command"),
        "servo backfill start regions --reprocess all --overlap wait"
    );
}

TEST(StartBackfill, DryRunLeavesOutWhatOtherJobsHave) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    ASSERT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
    const auto preview = [&server](const std::string& rest) {
        return server.post(
            "/v1/backfills",
            R"({"asset":"orders","dry_run":true,"overlap":"skip","reprocess":"all")" + rest + "}"
        );
    };
    const auto all = preview("");
    ASSERT_EQ(all.status, 200) << all.reply.body;
    EXPECT_EQ(all.item(0).at("skipped_by_overlap"), 31);
    EXPECT_EQ(
        all.json.at("preview").at("basis"),
        "no estimate: Every one of these partitions belongs to another open job."
    );
    EXPECT_TRUE(all.item(0).at("resolved").at("sample_keys").as_array().empty());
    EXPECT_EQ(
        server.post("/v1/backfills", R"({"asset":"orders","overlap":"skip","reprocess":"all"})")
            .reason(),
        "nothing_left"
    );
    TestExecutor(server, "ex-1", 1).work();
    server.post(
        "/v1/backfills",
        R"({"asset":"orders","selection":{"start":"2024-01-30"},"reprocess":"all"})"
    );
    for (const char* order : {"", R"(,"reverse":true)"}) {
        const auto some = preview(order);
        EXPECT_EQ(some.item(0).at("skipped_by_overlap"), 2);
        const auto& keys = some.item(0).at("resolved").at("sample_keys").as_array();
        EXPECT_EQ(keys.at(0), *order == '\0' ? "2024-01-01" : "2024-01-29");
    }
}

TEST(StartBackfill, ADryRunIsRefusedAsTheStartIs) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    ASSERT_EQ(server.call("PATCH", "/v1/tenants/default", R"({"max_pending":30})").status, 200);
    const auto started = server.post("/v1/backfills", kJanuary);
    EXPECT_EQ(started.reason(), "max_pending") << started.reply.body;
    const auto asked = server.post(
        "/v1/backfills",
        R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-31"},"dry_run":true})"
    );
    EXPECT_EQ(asked.status, started.status);
    EXPECT_EQ(asked.reason(), started.reason());
    EXPECT_EQ(asked.text("detail"), started.text("detail"));
    const auto counted =
        server.post("/v1/backfills", R"({"asset":"orders","dry_run":true,"preview":false})");
    EXPECT_EQ(counted.status, 200) << counted.reply.body;
    EXPECT_EQ(counted.number("total_partitions"), 31);
}

TEST(Explain, TellsWhyAJobPausedItself) {
    TestServer server;
    server.apply(
        asset_yaml("orders") +
        "  ordered: { run: { command: [make] }, sequential: true, partitions: { every: day, start: "
        "2024-01-01, end: 2024-02-01 } }\n"
    );
    TestExecutor executor(server, "ex-1", 1);
    const std::string many =
        server.post("/v1/backfills", R"({"asset":"orders","max_failures":"2"})").text("id");
    executor.work([](uint64_t index) { return index < 3; });
    const auto failed = server.get("/v1/backfills/" + many + "/explain");
    EXPECT_EQ(failed.text("state"), "paused");
    const std::string why = failed.text("summary");
    EXPECT_NE(why.find("failed, which is more than --max-failures 2 allows"), std::string::npos)
        << why;
    EXPECT_NE(why.find("Resuming drops that limit"), std::string::npos) << why;
    const std::string one = server.post("/v1/backfills", R"({"asset":"ordered"})").text("id");
    executor.work([](uint64_t index) { return index == 4; });
    const auto stopped = server.get("/v1/backfills/" + one + "/explain").text("summary");
    EXPECT_NE(stopped.find("2024-01-05 failed, and the asset is sequential"), std::string::npos)
        << stopped;
    const std::string again =
        "`servo backfill retry " + one + "` and then `servo backfill resume " + one + "`";
    EXPECT_NE(stopped.find(again), std::string::npos) << stopped;
    ASSERT_EQ(server.post("/v1/backfills/" + one + "/retry", "{}").status, 200);
    const auto retried = server.get("/v1/backfills/" + one + "/explain").text("summary");
    EXPECT_NE(retried.find("Resuming runs it again"), std::string::npos) << retried;
}

TEST(Explain, OfAPartitionThatCannotRunYetAdvisesNothing) {
    TestServer server;
    server.apply(
        "version: 1\nassets:\n  ever: { run: { command: [make] }, partitions: { every: day, start: "
        "2024-01-01 } }\n"
    );
    const auto early = server.get("/v1/assets/ever/partitions/2100-01-01/explain");
    ASSERT_EQ(early.status, 200) << early.reply.body;
    EXPECT_EQ(early.text("command"), "");
    EXPECT_NE(
        early.text("summary").find("its window ends at 2100-01-02T00:00:00Z"), std::string::npos
    ) << early.text("summary");
}

TEST(StartBackfill, MissingIsWhatNeverSucceeded) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    ASSERT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
    TestExecutor executor(server, "ex-1", 1);
    executor.work([](uint64_t index) { return index == 0; });  // the first day never succeeds
    const auto count = [&server](const std::string& policy) {
        return server
            .post(
                "/v1/backfills",
                R"({"asset":"orders","dry_run":true,"overlap":"wait","preview":false,)"
                R"("reprocess":")" +
                    policy + R"("})"
            )
            .number("total_partitions");
    };
    EXPECT_EQ(count("missing"), 1);
    const auto again = server.post(
        "/v1/backfills", R"({"asset":"orders","selection":{"end":"2024-01-31"},"reprocess":"all"})"
    );
    ASSERT_EQ(again.status, 200) << again.reply.body;
    ASSERT_GT(executor.work_once([](uint64_t index) { return index < 2; }), 0U);
    EXPECT_EQ(count("missing"), 1) << "what failed lately, in a job that is open, succeeded before";
    executor.work([](uint64_t index) { return index < 2; });
    EXPECT_EQ(count("missing"), 1);
    EXPECT_EQ(count("failed"), 2);
}

}  // namespace
}  // namespace servo::server
