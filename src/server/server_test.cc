// The API over real sockets, a real engine and the memory store.
#include "server/server.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "api/json.h"
#include "server/full_server_test.h"
#include "server/rate_limits.h"

namespace servo::server {
namespace {

constexpr const char* kJanuary =
    R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-31"}})";

TEST(Server, ABackfillRunsFromApplyToCompleted) {
    TestServer server;
    const auto applied = server.apply(asset_yaml("orders"));
    EXPECT_EQ(applied.json.at("assets").at(0).at("action"), "created");
    const auto started = server.post("/v1/backfills", kJanuary, "Servo-Actor: ann@host\r\n");
    ASSERT_EQ(started.status, 200) << started.reply.body;
    const std::string id = started.text("id");
    EXPECT_EQ(started.number("total_partitions"), 31);
    const auto& resolved = started.item(0).at("resolved");
    EXPECT_EQ(resolved.at("first_key"), "2024-01-01");
    EXPECT_EQ(resolved.at("last_key"), "2024-01-31");
    EXPECT_EQ(resolved.at("timezone"), "UTC");

    TestExecutor executor(server, "ex-1", 2);
    EXPECT_EQ(executor.work(), 31U);
    const auto one = server.get("/v1/backfills/" + id);
    EXPECT_EQ(one.text("state"), "completed");
    EXPECT_EQ(one.number("completed_partitions"), 31);
    EXPECT_EQ(one.text("created_by"), "ann@host");
    EXPECT_EQ(one.text("tenant_id"), "default");
    EXPECT_EQ(one.text("deadline_verdict"), "none");
    EXPECT_NE(one.text("command").find("servo backfill start orders --start"), std::string::npos);

    const auto list = server.get("/v1/backfills");
    EXPECT_EQ(list.item(0).at("id").as_string(), id);
    EXPECT_TRUE(list.json.at("next_page_token").is_null());
    EXPECT_EQ(server.get("/v1/backfills?status=open").json.at("items").as_array().size(), 0U);
    EXPECT_EQ(server.get("/v1/backfills/" + id.substr(0, 9)).text("id"), id);
    EXPECT_EQ(
        server.get("/v1/backfills?id_prefix=" + id.substr(3, 5)).item(0).at("id").as_string(), id
    );
}

TEST(Server, NothingToDoSaysWhatIsThere) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    ASSERT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
    TestExecutor(server, "ex-1", 1).work();
    const auto again = server.post("/v1/backfills", kJanuary);
    EXPECT_EQ(again.status, 412);
    EXPECT_EQ(again.reason(), "nothing_to_do");
    EXPECT_NE(again.text("detail").find("31 completed"), std::string::npos) << again.text("detail");
    EXPECT_NE(again.text("detail").find("--reprocess all"), std::string::npos);

    const auto empty = server.post(
        "/v1/backfills",
        R"({"asset":"orders","selection":{"start":"2024-01-01"},"allow_empty":true})"
    );
    EXPECT_EQ(empty.status, 200);
    EXPECT_EQ(empty.number("total_partitions"), 0);
    EXPECT_TRUE(empty.json.at("id").is_null());

    const auto all = server.post(
        "/v1/backfills",
        R"({"asset":"orders","selection":{"keys":["2024-01-05"]},"reprocess":"all"})"
    );
    EXPECT_EQ(all.status, 200) << all.reply.body;
    EXPECT_EQ(all.number("total_partitions"), 1);
}

TEST(Server, ADeadlineIsMetByCompletingAlone) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const auto verdict = [&server](const std::function<void(const std::string& path)>& end) {
        const auto started = server.post(
            "/v1/backfills", R"({"asset":"orders","sla_deadline":"+72h","reprocess":"all"})"
        );
        const std::string path = "/v1/backfills/" + started.text("id");
        end(path);
        return server.get(path).text("deadline_verdict");
    };
    TestExecutor executor(server, "ex-1", 1);
    EXPECT_EQ(verdict([&](const std::string&) { executor.work(); }), "met");
    const auto first_fails = [](uint64_t index) { return index == 0; };
    EXPECT_EQ(verdict([&](const std::string&) { executor.work(first_fails); }), "missed");
    EXPECT_EQ(
        verdict([&](const std::string& path) { server.post(path + "/cancel", "{}"); }), "none"
    );
}

TEST(Server, ReprocessPoliciesAreCumulative) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const char* first =
        R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-10"}})";
    ASSERT_EQ(server.post("/v1/backfills", first).status, 200);
    TestExecutor executor(server, "ex-1", 1);
    executor.work([](uint64_t index) { return index < 3; });  // three of ten fail, of class data
    const auto mark = server.post(
        "/v1/assets/orders/mark",
        R"({"selection":{"keys":["2024-01-20"]},"as":"skipped","reason":"no data that day"})"
    );
    ASSERT_EQ(mark.status, 200) << mark.reply.body;
    const auto count = [&server](const std::string& policy) {
        return server
            .post(
                "/v1/backfills",
                R"({"asset":"orders","dry_run":true,"reprocess":")" + policy + R"("})"
            )
            .number("total_partitions");
    };
    EXPECT_EQ(count("failed"), 31 - 7 - 1);
    EXPECT_EQ(count("stale"), 31 - 7 - 1);
    EXPECT_EQ(count("all"), 31);
    EXPECT_LE(count("missing"), count("failed"));

    // A new revision makes what the older one completed stale.
    server.apply(asset_yaml("orders") + "    timeout: 5m\n");
    EXPECT_EQ(count("failed"), 31 - 7 - 1);
    EXPECT_EQ(count("stale"), 31 - 1);
}

TEST(Server, FailuresAreShownByClassAndRetried) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    TestExecutor executor(server, "ex-1", 1);
    executor.work([](uint64_t index) { return index == 4; });
    const auto one = server.get("/v1/backfills/" + id);
    EXPECT_EQ(one.text("state"), "failed");
    const auto& failure = one.json.at("failures").at(0);
    EXPECT_EQ(failure.at("class"), "data");
    EXPECT_EQ(failure.at("partitions"), 1);
    EXPECT_EQ(failure.at("examples").at(0).at("partition"), "2024-01-05");
    EXPECT_EQ(failure.at("examples").at(0).at("executor"), "ex-1");

    const auto list = server.get("/v1/assets/orders/partitions?status=failed,pending&class=data");
    EXPECT_EQ(list.json.at("items").as_array().size(), 1U) << list.reply.body;
    EXPECT_EQ(list.item(0).at("key"), "2024-01-05");
    EXPECT_EQ(list.item(0).at("message"), "bad row");
    EXPECT_TRUE(
        server.get("/v1/assets/orders/partitions?class=timeout").json.at("items").as_array().empty()
    );
    const auto part = server.get("/v1/assets/orders/partitions/2024-01-05");
    EXPECT_EQ(part.text("status"), "failed");
    EXPECT_EQ(part.json.at("failed_attempts").at(0).at("final"), true);

    const auto other = server.post("/v1/backfills/" + id + "/retry", R"({"classes":["timeout"]})");
    EXPECT_EQ(other.status, 200) << other.reply.body;
    EXPECT_EQ(other.item(0).at("partitions"), 0);
    const auto retried = server.post("/v1/backfills/" + id + "/retry", R"({"classes":["data"]})");
    ASSERT_EQ(retried.status, 200) << retried.reply.body;
    EXPECT_EQ(retried.item(0).at("partitions"), 1);
    EXPECT_EQ(executor.work(), 1U);
    EXPECT_EQ(server.get("/v1/backfills/" + id).text("state"), "completed");
    EXPECT_EQ(server.get("/v1/assets/orders/partitions/2024-01-05").text("status"), "completed");
}

TEST(Server, AFailureExampleStandsForItsPartition) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    TestExecutor executor(server, "ex-1", 1);
    const auto bad = [](uint64_t index) { return index == 4 || index == 7; };
    executor.work(bad);
    ASSERT_EQ(server.post("/v1/backfills/" + id + "/retry", "{}").status, 200);
    EXPECT_EQ(executor.work(bad), 2U);
    const auto one = server.get("/v1/backfills/" + id);
    const auto& failure = one.json.at("failures").at(0);
    EXPECT_EQ(failure.at("attempts"), 4);
    std::vector<std::string> keys;
    for (const auto& example : failure.at("examples").as_array()) {
        keys.emplace_back(example.at("partition").as_string());
    }
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(keys, (std::vector<std::string>{"2024-01-05", "2024-01-08"}));
}

// What an open backfill did is newer than any state, until a mark is.
TEST(Server, ResultsOfAnOpenBackfillCountBeforeAnOlderState) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    TestExecutor executor(server, "ex-1", 1);
    const auto status_of = [&](const std::string& key) {
        const auto list = server.get("/v1/assets/orders/partitions?limit=500");
        const auto one = server.get("/v1/assets/orders/partitions/" + key);
        for (const auto& item : list.json.at("items").as_array()) {
            if (item.at("key").as_string() == key) {
                EXPECT_EQ(item.at("status").as_string(), one.text("status")) << key;
            }
        }
        return one.text("status");
    };
    const auto missing = [&] {
        const auto plan = server.post(
            "/v1/backfills",
            R"({"asset":"orders","dry_run":true,"preview":false,"overlap":"skip",)"
            R"("reprocess":"missing"})"
        );
        return static_cast<uint64_t>(plan.number("total_partitions"));
    };
    // All fail for good, and that is in the state; a retry makes the first of them good.
    executor.work([](uint64_t) { return true; });
    EXPECT_EQ(status_of("2024-01-01"), "failed");
    const auto failed = server.get("/v1/assets/orders/partitions/2024-01-01");
    ASSERT_EQ(server.post("/v1/backfills/" + id + "/retry", "{}").status, 200);
    EXPECT_EQ(missing(), 31);
    const uint64_t ran = executor.work_once();
    ASSERT_TRUE(ran > 0 && ran < 31) << ran;
    EXPECT_EQ(server.get("/v1/backfills/" + id).text("state"), "running");
    EXPECT_EQ(status_of("2024-01-01"), "completed");
    const auto made = server.get("/v1/assets/orders/partitions/2024-01-01");
    EXPECT_EQ(failed.text("at"), "2023-11-14T22:13:20.005Z");  // when its attempt ended
    EXPECT_EQ(made.text("at"), "2023-11-14T22:13:20.001Z");
    EXPECT_EQ(missing(), 31 - ran);
    for (const char* dry_run : {"true", "false"}) {
        const auto owned = server.post(
            "/v1/assets/orders/mark",
            std::string(R"({"selection":{"keys":["2024-01-31"]},"as":"missing","reason":"x",)") +
                R"("dry_run":)" + dry_run + "}"
        );
        EXPECT_EQ(owned.status, 409) << owned.reply.body;
        EXPECT_EQ(owned.reason(), "overlap") << owned.reply.body;
    }
    ASSERT_EQ(
        server
            .post(
                "/v1/assets/orders/mark",
                R"({"selection":{"keys":["2024-01-01"]},"as":"missing","reason":"bad input"})"
            )
            .status,
        200
    );
    EXPECT_EQ(status_of("2024-01-01"), "missing");
    EXPECT_EQ(missing(), 31 - ran + 1);
}

TEST(Server, ARepeatedRequestGetsTheFirstAnswer) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string key = "Idempotency-Key: k-1\r\n";
    const auto first = server.post("/v1/backfills", kJanuary, key);
    ASSERT_EQ(first.status, 200);
    const auto second = server.post("/v1/backfills", kJanuary, key);
    EXPECT_EQ(second.status, 200);
    EXPECT_EQ(second.reply.body, first.reply.body);
    EXPECT_EQ(second.reply.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(server.get("/v1/backfills").json.at("items").as_array().size(), 1U);
    const auto other = server.post("/v1/backfills", R"({"asset":"orders"})", key);
    EXPECT_EQ(other.status, 409);
    EXPECT_EQ(other.reason(), "idempotency_key_reused");
}

TEST(Server, OverlapNamesTheOtherJob) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    const auto second =
        server.post("/v1/backfills", R"({"asset":"orders","selection":{"start":"2024-01-31"}})");
    EXPECT_EQ(second.status, 409);
    EXPECT_NE(second.text("detail").find(id), std::string::npos);
    const auto waits = server.post(
        "/v1/backfills", R"({"asset":"orders","selection":{"start":"2024-01-31"},"overlap":"wait"})"
    );
    ASSERT_EQ(waits.status, 200) << waits.reply.body;
    const auto view = server.get("/v1/backfills/" + waits.text("id"));
    EXPECT_EQ(view.text("waits_for"), id);
    EXPECT_EQ(view.json.at("waiting").at(0).at("gate"), "overlap");
}

TEST(Server, PauseResumeSetCancel) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    const std::string path = "/v1/backfills/" + id;
    const auto paused = server.post(path + "/pause", R"({"reason":"lunch","for":"2h"})");
    EXPECT_EQ(paused.item(0).at("state"), "paused");
    EXPECT_EQ(paused.item(0).at("changed"), true);
    EXPECT_EQ(server.post(path + "/pause", "{}").item(0).at("changed"), false);
    auto one = server.get(path);
    EXPECT_EQ(one.text("state_note"), "lunch");
    EXPECT_FALSE(one.json.at("resume_at").is_null());
    const auto why = server.get(path + "/explain");
    EXPECT_EQ(why.text("command"), "servo backfill resume " + id);
    EXPECT_EQ(
        server.get(path + "/explain?partition=2024-01-03").json.at("reasons").at(0).at("gate"),
        "paused"
    );
    EXPECT_EQ(server.get(path + "/explain?partition=2024-03-03").status, 404);
    EXPECT_EQ(server.post(path + "/resume", "").item(0).at("changed"), true);

    const auto set = server.call("PATCH", path, R"({"priority":7,"max_failures":"10"})");
    EXPECT_EQ(set.status, 200) << set.reply.body;
    EXPECT_EQ(set.item(0).at("rank"), 1);
    one = server.get(path);
    EXPECT_EQ(one.number("priority"), 7);
    EXPECT_EQ(one.text("max_failures"), "10");
    EXPECT_NE(one.text("command").find("--priority 7 --max-failures 10"), std::string::npos);
    EXPECT_EQ(server.call("PATCH", path, R"({"priority":99})").status, 422);

    EXPECT_EQ(server.post(path + "/cancel", R"({"reason":"wrong"})").status, 200);
    EXPECT_EQ(server.get(path).text("state"), "cancelled");
    EXPECT_EQ(server.post(path + "/cancel", "{}").item(0).at("changed"), false);
    const auto ended = server.post(path + "/pause", "{}");
    EXPECT_EQ(ended.status, 412);
    EXPECT_EQ(ended.reason(), "backfill_ended");
}

TEST(Server, ASettingMayHoldForATime) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    const std::string path = "/v1/backfills/" + id;
    const auto set =
        server.call("PATCH", path, R"({"priority":7,"timeout":"2h","for":"3h","reason":"rush"})");
    EXPECT_EQ(set.item(0).at("changed"), true) << set.reply.body;
    auto one = server.get(path);
    EXPECT_EQ(one.number("priority"), 7);
    const auto& held = one.json.at("temporary_settings").as_array();
    ASSERT_EQ(held.size(), 2U);
    EXPECT_EQ(held[0].at("setting"), "priority");
    EXPECT_EQ(held[0].at("value"), "7");
    EXPECT_EQ(held[0].at("lasting"), "0");
    EXPECT_EQ(held[0].at("override").at("reason"), "rush");
    EXPECT_FALSE(held[0].at("override").at("until").is_null());
    EXPECT_EQ(held[1].at("value"), "2h");
    EXPECT_EQ(held[1].at("lasting"), "none");
    // What repeats the backfill repeats what lasts.
    EXPECT_EQ(one.text("command").find("--priority"), std::string::npos) << one.text("command");
    EXPECT_EQ(server.get("/v1/backfills").item(0).at("temporary_settings").as_array().size(), 2U);

    EXPECT_EQ(server.call("PATCH", path, R"({"priority":7})").item(0).at("changed"), true);
    one = server.get(path);
    EXPECT_EQ(one.number("priority"), 7);
    EXPECT_EQ(one.json.at("temporary_settings").at(0).at("setting"), "timeout");
    EXPECT_EQ(
        server.call("PATCH", path, R"({"revision":"latest","for":"1h"})").reason(),
        "revision_for_a_time"
    );
    EXPECT_EQ(server.call("PATCH", path, R"({"priority":9,"for":""})").reason(), "bad_body");
    EXPECT_EQ(server.get(path).number("priority"), 7);
    EXPECT_EQ(
        server.call("PATCH", path, R"({"priority":9,"priority":8})").reason(), "repeated_name"
    );
    // Nothing is set for a time any more once it has ended.
    EXPECT_EQ(server.post(path + "/cancel", "{}").status, 200);
    EXPECT_TRUE(server.get(path).json.at("temporary_settings").as_array().empty());
}

TEST(Server, SeveralTenantsAreOneGroupAllOrNone) {
    TestServer server;
    const std::string both = "version: 1\ntenants: [acme, bigco]\n";
    server.apply(both + asset_yaml("orders").substr(11));
    const auto ambiguous = server.post("/v1/backfills", kJanuary);
    EXPECT_EQ(ambiguous.reason(), "ambiguous_tenant") << ambiguous.reply.body;
    const auto started = server.post("/v1/backfills", R"({"asset":"orders","all_tenants":true})");
    ASSERT_EQ(started.status, 200) << started.reply.body;
    const std::string group = started.text("group_id");
    EXPECT_EQ(started.text("id"), group);
    EXPECT_EQ(started.json.at("items").as_array().size(), 2U);
    EXPECT_EQ(server.get("/v1/backfills?group=" + group).json.at("items").as_array().size(), 2U);
    const std::string beginning = group.substr(0, 8);
    EXPECT_EQ(
        server.get("/v1/backfills?group=" + beginning).json.at("items").as_array().size(), 2U
    );
    const std::string other = group[4] == '0' ? "grp_1" : "grp_0";
    EXPECT_EQ(server.get("/v1/backfills?group=" + other).reason(), "no_such_group");
    EXPECT_EQ(server.get("/v1/backfills?group=grp_u").reason(), "bad_id");
    EXPECT_EQ(server.get("/v1/backfills?group=grp_").reason(), "bad_id");
    EXPECT_EQ(server.get("/v1/tenants/acme/backfills").json.at("items").as_array().size(), 1U);
    EXPECT_EQ(
        server.post("/v1/backfills/" + beginning + "/pause", "{}")
            .json.at("items")
            .as_array()
            .size(),
        2U
    );
    // One tenant's part overlaps, so neither gets a job.
    const auto again =
        server.post("/v1/backfills", R"({"asset":"orders","tenants":["acme","bigco"]})");
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(server.get("/v1/backfills").json.at("items").as_array().size(), 2U);
    // A job is found under its own tenant only.
    const std::string acme_job(started.item(0).at("id").as_string());
    EXPECT_EQ(server.get("/v1/tenants/acme/backfills/" + acme_job).status, 200);
    EXPECT_EQ(server.get("/v1/tenants/bigco/backfills/" + acme_job).status, 404);
}

TEST(Server, AnAssetOfSeveralTenantsIsListedPageByPage) {
    TestServer server;
    server.apply("version: 1\ntenants: [acme, bigco]\n" + asset_yaml("orders").substr(11));
    for (const char* day : {"01", "02", "03"}) {
        const auto started = server.post(
            "/v1/backfills",
            fmt::format(
                R"({{"asset":"orders","all_tenants":true,"selection":{{"keys":["2024-01-{}"]}}}})",
                day
            )
        );
        ASSERT_EQ(started.status, 200) << started.reply.body;
    }
    std::set<std::string> seen;
    std::string token;
    for (const size_t size : {4U, 2U}) {
        const auto page = server.get(
            "/v1/backfills?asset=orders&limit=4" + (token.empty() ? "" : "&page_token=" + token)
        );
        ASSERT_EQ(page.status, 200) << page.reply.body;
        ASSERT_EQ(page.json.at("items").as_array().size(), size);
        for (size_t i = 0; i < size; ++i) {
            seen.emplace(page.item(i).at("id").as_string());
        }
        token = page.text("next_page_token");
    }
    EXPECT_EQ(seen.size(), 6U);
    EXPECT_EQ(token, "");
}

TEST(Server, AnArchivedAssetHasItsBackfillsAndGetsNoMore) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    ASSERT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
    TestExecutor(server, "ex-1", 1).work();
    ASSERT_EQ(server.call("PATCH", "/v1/assets/orders", R"({"archived":true})").status, 200);
    EXPECT_EQ(server.get("/v1/backfills?asset=orders").json.at("items").as_array().size(), 1U);
    const auto more = server.post("/v1/backfills", R"({"asset":"orders","all_tenants":true})");
    EXPECT_EQ(more.reason(), "asset_archived") << more.reply.body;
}

TEST(Server, DryRunPreviewsAndChangesNothing) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const auto preview = server.post(
        "/v1/backfills", R"({"asset":"orders","selection":{"end":"2024-01-03"},"dry_run":true})"
    );
    ASSERT_EQ(preview.status, 200) << preview.reply.body;
    EXPECT_EQ(preview.number("total_partitions"), 3);
    EXPECT_TRUE(preview.item(0).at("id").is_null());
    EXPECT_EQ(preview.item(0).at("resolved").at("sample_keys").as_array().size(), 3U);
    EXPECT_FALSE(preview.json.at("preview").at("basis").as_string().empty());
    EXPECT_TRUE(server.get("/v1/backfills").json.at("items").as_array().empty());
}

TEST(Server, ADryRunAnswersOverlapsAsTheRealRunWould) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    const auto reject = server.post("/v1/backfills", R"({"asset":"orders","dry_run":true})");
    EXPECT_EQ(reject.status, 409);
    EXPECT_EQ(reject.reason(), "overlap");
    EXPECT_NE(reject.text("detail").find(id), std::string::npos);
    const auto skip = server.post(
        "/v1/backfills", R"({"asset":"orders","dry_run":true,"overlap":"skip","preview":false})"
    );
    EXPECT_EQ(skip.status, 200);
    EXPECT_EQ(skip.item(0).at("skipped_by_overlap"), 31);
    EXPECT_TRUE(skip.json.at("preview").is_null());
}

// The materialised state is written with checkpoints; lists and selections must not wait for it.
TEST(Server, WhatAnOpenJobJustDidCountsAtOnce) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    ASSERT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
    TestExecutor executor(server, "ex-1", 1);
    const uint64_t done = executor.work_once([](uint64_t index) { return index == 0; });
    ASSERT_GT(done, 0U);
    ASSERT_LT(done, 31U);
    const std::string path = "/v1/assets/orders/partitions?limit=500&status=";
    const auto count = [&](const char* status) {
        return server.get(path + status).json.at("items").as_array().size();
    };
    EXPECT_EQ(count("missing"), 0U);
    EXPECT_EQ(count("failed"), 1U);
    EXPECT_EQ(count("completed"), done - 1);
    EXPECT_EQ(count("pending") + count("running"), 31 - done);
    const auto asset = server.get("/v1/assets/orders");
    const auto& counts = asset.json.at("partition_counts");
    EXPECT_EQ(counts.at("completed").to_number<uint64_t>(), done - 1) << asset.reply.body;
    EXPECT_EQ(counts.at("failed"), 1);
    EXPECT_EQ(counts.at("missing").to_number<uint64_t>(), 31 - done);
    EXPECT_EQ(server.get(path + "failed").item(0).at("message"), "bad row");
    const auto rest = server.post(
        "/v1/backfills",
        R"({"asset":"orders","dry_run":true,"overlap":"wait","preview":false,"reprocess":"failed"})"
    );
    EXPECT_EQ(rest.number("total_partitions"), static_cast<int64_t>(31 - done + 1));
}

TEST(Server, MoreOpenBackfillsThanOneReadTakesOwnTheirPartitions) {
    TestServer server;
    server.apply(asset_yaml("orders", "2023-12-01"));
    size_t open = 0;
    for (const auto& [month, days] : {std::pair("2023-12", 31), std::pair("2024-01", 9)}) {
        for (int day = 1; day <= days; ++day, ++open) {
            const std::string key = fmt::format("{}-{:02}", month, day);
            ASSERT_EQ(
                server
                    .post(
                        "/v1/backfills",
                        R"({"asset":"orders","selection":{"keys":[")" + key + R"("]}})"
                    )
                    .status,
                200
            );
        }
    }
    ASSERT_GT(open, kJobsPerRead);
    const auto pending = server.get("/v1/assets/orders/partitions?status=pending&limit=500");
    std::set<std::string> owners;
    for (const auto& item : pending.json.at("items").as_array()) {
        owners.emplace(item.at("backfill_id").as_string());
    }
    EXPECT_EQ(owners.size(), open);
}

TEST(Server, WhatAnOpenJobDidHasATimeInLists) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    TestExecutor executor(server, "ex-1", 1);
    ASSERT_GT(executor.work_once(), 0U);
    ASSERT_GT(executor.work_once([](uint64_t) { return true; }), 0U);
    ASSERT_EQ(server.get("/v1/backfills/" + id).text("state"), "running");
    const std::string path = "/v1/assets/orders/partitions?limit=500&status=";
    EXPECT_TRUE(server.get(path + "completed&sort=duration").item(0).at("at").is_string());
    EXPECT_TRUE(server.get(path + "failed").item(0).at("at").is_string());
}

TEST(Server, EstimatesComeFromRecordedDurations) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    server.post("/v1/backfills", R"({"asset":"orders","selection":{"end":"2024-01-20"}})");
    TestExecutor executor(server, "ex-1", 2);
    executor.work();
    const auto preview =
        server.post("/v1/backfills", R"({"asset":"orders","reprocess":"all","dry_run":true})");
    ASSERT_EQ(preview.status, 200) << preview.reply.body;
    const auto& estimate = preview.json.at("preview");
    ASSERT_FALSE(estimate.at("duration_p50_ms").is_null()) << preview.reply.body;
    EXPECT_LE(
        estimate.at("duration_p50_ms").to_number<int64_t>(),
        estimate.at("duration_p90_ms").to_number<int64_t>()
    );
}

TEST(Server, PartitionsAreListedByStatusMeasureAndPage) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    server.post("/v1/backfills", R"({"asset":"orders","selection":{"end":"2024-01-10"}})");
    TestExecutor(server, "ex-1", 1).work();
    const std::string path = "/v1/assets/orders/partitions";
    const auto largest = server.get(path + "?sort=duration&limit=2");
    ASSERT_EQ(largest.status, 200) << largest.reply.body;
    EXPECT_EQ(largest.item(0).at("key"), "2024-01-10");
    EXPECT_EQ(largest.item(1).at("key"), "2024-01-09");
    const auto page = server.get(path + "?limit=7&status=completed");
    EXPECT_EQ(page.json.at("items").as_array().size(), 7U);
    const auto rest =
        server.get(path + "?limit=7&status=completed&page_token=" + page.text("next_page_token"));
    EXPECT_EQ(rest.json.at("items").as_array().size(), 3U);
    EXPECT_EQ(rest.item(0).at("key"), "2024-01-08");
    EXPECT_TRUE(rest.json.at("next_page_token").is_null());
    EXPECT_EQ(
        server.get(path + "?status=missing&limit=500").json.at("items").as_array().size(), 21U
    );
    EXPECT_EQ(
        server.get(path + "?status=missing&start=2024-01-30").json.at("items").as_array().size(), 2U
    );
    server.post("/v1/backfills", R"({"asset":"orders","selection":{"start":"2024-01-30"}})");
    EXPECT_EQ(server.get(path + "?status=pending").json.at("items").as_array().size(), 2U);
    EXPECT_EQ(
        server.get(path + "?status=missing&limit=500").json.at("items").as_array().size(), 19U
    );
    EXPECT_EQ(server.get(path + "?status=misssing").reason(), "bad_status");
    for (const char* clash :
         {"status=running&class=data",
          "sort=rows&status=failed",
          "sort=rows&status=completed,failed",
          "sort=rows&class=data",
          "sort=rows&page_token=p1"}) {
        EXPECT_EQ(server.get(path + "?" + clash).reason(), "filters_clash") << clash;
    }
    EXPECT_EQ(server.get(path + "?page_token=zzz").reason(), "bad_page_token");
    EXPECT_EQ(server.get(path + "/2024-01-30/explain").text("state"), "pending");
    const auto unowned = server.get(path + "/2024-01-15/explain");
    EXPECT_EQ(unowned.text("command"), "servo partition run orders 2024-01-15");
    EXPECT_EQ(server.get(path + "/2024-01-15/logs").reason(), "no_log");
    server.apply(asset_yaml("clean"));
    const std::string other =
        server.post("/v1/backfills", R"({"asset":"clean","selection":{"end":"2024-01-02"}})")
            .text("id");
    EXPECT_EQ(
        server.get(path + "/2024-01-02/logs?backfill=" + other).reason(), "no_such_partition"
    );
    EXPECT_EQ(server.get(path + "/15.1.2024").status, 422);
}

TEST(Server, PoolsTenantsAndExecutorsCanBeTurned) {
    TestServer server;
    server.apply(
        "version: 1\npools:\n  warehouse: { scope: shared, concurrency: 8 }\n" +
        asset_yaml("orders").substr(11) + "    pools: { warehouse: 1 }\n"
    );
    EXPECT_EQ(server.get("/v1/pools/warehouse").number("limit"), 8);
    EXPECT_EQ(server.call("PATCH", "/v1/pools/warehouse", R"({"concurrency":2})").status, 200);
    EXPECT_EQ(server.get("/v1/pools/warehouse").number("limit"), 2);
    EXPECT_EQ(server.call("PATCH", "/v1/pools/warehouse", R"({"unset":true})").status, 200);
    EXPECT_EQ(server.get("/v1/pools").item(0).at("limit"), 8);
    EXPECT_EQ(
        server.post("/v1/pools/warehouse/hold", R"({"for":"1h","reason":"upgrade"})").status, 200
    );
    EXPECT_EQ(server.get("/v1/pools/warehouse").json.at("hold").at("reason"), "upgrade");
    const std::string id = server.post("/v1/backfills", kJanuary).text("id");
    TestExecutor executor(server, "ex-1", 1);
    EXPECT_EQ(server.get("/v1/backfills/" + id).json.at("waiting").at(0).at("gate"), "pool_held");
    EXPECT_EQ(server.post("/v1/pools/warehouse/release", "").status, 200);
    EXPECT_EQ(server.get("/v1/pools/werehouse").status, 404);

    EXPECT_EQ(server.call("PATCH", "/v1/tenants/default", R"({"weight":300})").status, 200);
    const auto tenant = server.get("/v1/tenants/default");
    EXPECT_EQ(tenant.number("weight"), 300);
    EXPECT_EQ(
        api::to_text(tenant.json.at("overridden")),
        R"([{"field":"weight","before":"100","after":"300"}])"
    );
    EXPECT_EQ(server.get("/v1/tenants").item(0).at("name"), "default");

    EXPECT_EQ(server.get("/v1/executors").item(0).at("state"), "up");
    const auto drained = server.post("/v1/executors/drain", R"({"executors":["ex-1"]})");
    EXPECT_EQ(drained.item(0).at("state"), "drained") << drained.reply.body;
    EXPECT_EQ(server.get("/v1/executors?state=up").json.at("items").as_array().size(), 0U);
    const auto none = server.get("/v1/backfills/" + id);
    EXPECT_EQ(none.json.at("waiting").at(0).at("gate"), "no_executor");
    EXPECT_EQ(none.json.at("waiting").at(0).at("release"), "servo executor undrain ex-1");
    EXPECT_EQ(server.get("/v1/status").json.at("executors_up"), 0);
    EXPECT_EQ(server.get("/v1/status").json.at("executors_drained"), 1);
    EXPECT_EQ(server.post("/v1/executors/undrain", R"({"executors":["ex-1"]})").status, 200);
    EXPECT_EQ(server.post("/v1/executors/drain", R"({"executors":["ex-2"]})").status, 404);
    EXPECT_EQ(
        server.post("/v1/executors/drain", R"({"keep":1})").json.at("items").as_array().size(), 0U
    );

    const auto status = server.get("/v1/status?by=tenant");
    EXPECT_EQ(status.json.at("executors_up"), 1);
    EXPECT_EQ(status.json.at("groups").at(0).at("name"), "default");
    const auto events = server.get("/v1/events?limit=500");
    EXPECT_GE(events.json.at("items").as_array().size(), 5U);
    EXPECT_EQ(server.post("/v1/fsck", "").json.at("sound"), true);
    EXPECT_EQ(server.post("/v1/backup", R"({"path":"/x"})").reason(), "not_in_this_version");
}

TEST(Server, RequestsAreCheckedAtTheDoor) {
    TestServer server;
    EXPECT_EQ(server.post("/v1/backfills", R"({"asset":"orders","prio":1})").status, 422);
    EXPECT_EQ(server.post("/v1/backfills", "{").status, 400);
    EXPECT_EQ(server.post("/v1/backfills", std::string(100, '[')).reason(), "json_too_deep");
    EXPECT_EQ(server.get("/v1/backfills?limit=501").reason(), "bad_limit");
    EXPECT_EQ(server.get("/v1/backfills/bf_zzz").status, 404);
    EXPECT_EQ(server.get("/v1/backfills/hello!").status, 422);
    EXPECT_EQ(server.get("/v1/nope").reason(), "unknown_route");
    const auto unanswered = server.call("PUT", "/v1/backfills", "");
    EXPECT_EQ(unanswered.status, 405);
    EXPECT_EQ(unanswered.reply.header("Allow"), "POST, GET");
    const auto with_id = server.call("GET", "/v1/nope", "", "X-Request-Id: my-id\r\n");
    EXPECT_EQ(with_id.text("request_id"), "my-id");
    EXPECT_EQ(with_id.reply.header("X-Request-Id"), "my-id");
    EXPECT_EQ(with_id.reply.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(
        fetch(server.port(), "GET", "/livez", "", "Origin: http://evil.example\r\n").status, 403
    );
    EXPECT_EQ(server.get("/livez").text("status"), "ok");
    EXPECT_EQ(server.get("/readyz").status, 200);
    EXPECT_EQ(server.get("/version").text("api"), "v1");
    EXPECT_EQ(server.get("/openapi.json").text("openapi"), "3.1.0");
}

TEST(Server, TokensAreAskedFor) {
    ServerOptions options;
    options.admin_token = "secret";
    options.executor_token = "runner";
    TestServer server(std::move(options));
    EXPECT_EQ(server.get("/v1/backfills").status, 401);
    EXPECT_FALSE(server.get("/v1/backfills").reply.header("WWW-Authenticate").empty());
    EXPECT_EQ(server.get("/readyz").status, 200);
    EXPECT_EQ(
        server.call("GET", "/v1/backfills", "", "Authorization: Bearer secret\r\n").status, 200
    );
    EXPECT_EQ(
        server.call("GET", "/v1/backfills", "", "Authorization: Bearer runner\r\n").status, 403
    );
    EXPECT_EQ(
        server
            .post(
                "/v1/executor/register",
                R"({"executor":"e","session":5,"slots":1})",
                "Authorization: Bearer runner\r\n"
            )
            .status,
        200
    );
}

TEST(Server, AParkedAcquireIsWokenByWorkAndCutByStop) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    server.post("/v1/executor/register", R"({"executor":"e","session":5,"slots":1})");
    TestConnection parked(server.port());
    parked.send(request_text(
        "POST", "/v1/executor/acquire", R"({"session":5,"call":1,"ack":0,"free_slots":1})"
    ));
    ASSERT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
    const TestReply woken = parked.read_reply();
    EXPECT_EQ(woken.status, 200);
    EXPECT_NE(woken.body.find("\"grants\":[{"), std::string::npos) << woken.body;
    EXPECT_NE(woken.body.find("\"definitions\":[{"), std::string::npos);
    TestConnection again(server.port());
    again.send(request_text(
        "POST", "/v1/executor/acquire", R"({"session":5,"call":2,"ack":1000,"free_slots":0})"
    ));
    server.stop_server();
    EXPECT_NE(again.read_reply().status, 500);
}

TEST(Server, AStoreThatFailsIsAnsweredUnavailable) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    server.store().fail_next(store::Fault::kUnknownLost);
    const auto lost = server.post("/v1/backfills", kJanuary);
    EXPECT_EQ(lost.status, 503) << lost.reply.body;
    EXPECT_FALSE(lost.reply.header("Retry-After").empty());
    EXPECT_EQ(server.post("/v1/backfills", kJanuary).status, 200);
}

TEST(Server, AnExecutorWithAnAdminsTokenAsksAsOftenAsAnyExecutor) {
    ServerOptions options;
    options.admin_token = "secret";
    TestServer server(std::move(options));
    for (int64_t i = 0; i < 2 * kAdminRate.burst; ++i) {
        const auto answer =
            server.post("/v1/executor/report", "{}", "Authorization: Bearer secret\r\n");
        ASSERT_NE(answer.reason(), "rate_limited") << i;
    }
    EXPECT_EQ(
        server.call("GET", "/v1/backfills", "", "Authorization: Bearer secret\r\n").status, 200
    );
}

}  // namespace
}  // namespace servo::server
