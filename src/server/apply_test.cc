// What an apply makes of asset files, and what of it shows.
#include <gtest/gtest.h>

#include <utility>

#include "api/asset.h"
#include "server/full_server_test.h"

namespace servo::server {
namespace {

TEST(Apply, AssetsShowRevisionsDifferencesAndOverrides) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const auto changed = server.apply(asset_yaml("orders") + "    timeout: 5m\n");
    const auto& change = changed.json.at("assets").at(0).at("changes").at(0);
    EXPECT_EQ(change.at("field"), "timeout");
    EXPECT_EQ(change.at("after"), "5m");
    EXPECT_EQ(server.apply(asset_yaml("orders") + "    timeout: 5m\n").json.at("changed"), false);
    const auto asset = server.get("/v1/assets/orders");
    EXPECT_EQ(asset.number("revision"), 2);
    EXPECT_EQ(asset.text("code_dir"), "/srv/code");
    EXPECT_EQ(asset.json.at("partition_counts").at("missing"), 31);
    EXPECT_EQ(server.get("/v1/assets").item(0).at("name"), "orders");
    EXPECT_EQ(server.get("/v1/assets/orders/revisions").json.at("items").as_array().size(), 2U);
    EXPECT_EQ(server.get("/v1/assets/orders/diff").json.at("changes").at(0).at("field"), "timeout");
    EXPECT_EQ(server.get("/v1/assets/orders/diff?from=9").status, 404);
    const auto set = server.call(
        "PATCH", "/v1/assets/orders", R"({"concurrency":3,"for":"1h","reason":"slow source"})"
    );
    EXPECT_EQ(set.json.at("changed"), true) << set.reply.body;
    EXPECT_EQ(server.get("/v1/assets/orders").json.at("override").at("reason"), "slow source");
    EXPECT_EQ(server.get("/v1/assets/order").status, 404);
    EXPECT_NE(server.get("/v1/assets/order").text("detail").find("\"orders\""), std::string::npos);
}

TEST(Apply, ChecksEverythingBeforeItChangesAnything) {
    TestServer server;
    api::ApplyRequest request;
    request.files.push_back({"good.yaml", asset_yaml("orders"), "/a"});
    request.files.push_back({"bad.yaml", "version: 1\nassets:\n  x:\n    partitons: {}\n", "/b"});
    const auto refused = server.post("/v1/apply", api::to_text(to_json(request)));
    EXPECT_EQ(refused.status, 422) << refused.reply.body;
    EXPECT_NE(refused.text("detail").find("bad.yaml"), std::string::npos) << refused.reply.body;
    EXPECT_TRUE(server.get("/v1/assets").json.at("items").as_array().empty());

    // Files may refer to one another in any order, and lie in different folders.
    request.files[1] = {
        "first.yaml", asset_yaml("clean") + "    upstream: { orders: { mapping: same } }\n", "/b"};
    std::swap(request.files[0], request.files[1]);
    request.dry_run = true;
    const auto planned = server.post("/v1/apply", api::to_text(to_json(request)));
    // Across folders the plan of the second needs the first to be there, which a dry run cannot do
    // for references that only the scheduler checks; asset references are checked here.
    EXPECT_EQ(planned.status, 200) << planned.reply.body;
    EXPECT_EQ(planned.json.at("changed"), true);
    EXPECT_TRUE(server.get("/v1/assets").json.at("items").as_array().empty());
    request.dry_run = false;
    EXPECT_EQ(server.post("/v1/apply", api::to_text(to_json(request))).status, 200);
    EXPECT_EQ(server.get("/v1/assets").json.at("items").as_array().size(), 2U);
    EXPECT_EQ(server.get("/v1/assets/orders").json.at("downstream").at(0), "clean");
}

TEST(Apply, ADryRunTellsWhatChangesOfPoolsAndArchivedAssets) {
    TestServer server;
    const auto file = [](const std::string& pool) {
        return "version: 1\npools:\n  warehouse: { scope: shared, " + pool + " }\n" +
               asset_yaml("orders").substr(11);
    };
    server.apply(file("concurrency: 8, contact: dba@example.com"));
    ASSERT_EQ(server.call("PATCH", "/v1/assets/orders", R"({"archived":true})").status, 200);
    api::ApplyRequest request;
    request.dry_run = true;
    request.files.push_back(
        {"servo.yaml",
         file("concurrency: 9, windows: [ { cron: \"0 1 * * *\", for: 4h, concurrency: 2 } ]"),
         "/srv/code"}
    );
    const auto planned = server.post("/v1/apply", api::to_text(to_json(request)));
    ASSERT_EQ(planned.status, 200) << planned.reply.body;
    EXPECT_EQ(
        api::to_text(planned.json.at("pools").at(0).at("changes")),
        R"([{"field":"concurrency","before":"8","after":"9"},)"
        R"({"field":"contact","before":"dba@example.com","after":null},)"
        R"({"field":"windows","before":null,"after":"[{\"cron\":\"0 1 * * *\",\"for\":\"4h\",)"
        R"(\"timezone\":\"UTC\",\"concurrency\":2}]"}])"
    );
    EXPECT_EQ(
        api::to_text(planned.json.at("assets").at(0).at("changes")),
        R"([{"field":"archived","before":"true","after":"false"}])"
    );
}

}  // namespace
}  // namespace servo::server
