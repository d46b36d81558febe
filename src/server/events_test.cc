// What happened, as it is asked for.
#include <gtest/gtest.h>

#include "server/full_server_test.h"

namespace servo::server {
namespace {

constexpr const char* kJanuary =
    R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-31"}})";

TEST(Events, ComeByPages) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    for (int i = 0; i < 3; ++i) {
        const std::string weight = R"({"weight":)" + std::to_string(100 + i) + "}";
        ASSERT_EQ(server.call("PATCH", "/v1/tenants/default", weight).status, 200);
    }
    const auto whole = server.get("/v1/events?limit=500");
    EXPECT_TRUE(whole.json.at("next_page_token").is_null());
    boost::json::array collected;
    std::string token;
    do {
        const auto page = server.get("/v1/events?limit=2&page_token=" + token);
        ASSERT_EQ(page.status, 200) << page.reply.body;
        for (const auto& item : page.json.at("items").as_array()) {
            collected.push_back(item);
        }
        const auto& next = page.json.at("next_page_token");
        token = next.is_null() ? "" : std::string(next.as_string());
    } while (!token.empty());
    EXPECT_GE(collected.size(), 5U);
    EXPECT_EQ(collected, whole.json.at("items").as_array());
    EXPECT_EQ(server.get("/v1/events?page_token=nonsense").reason(), "bad_page_token");
}

TEST(Events, AreAskedForByWhatOtherPagesPrint) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    server.apply("version: 1\ntenant: acme\n" + asset_yaml("orders").substr(11));
    const std::string id = server.post("/v1/tenants/acme/backfills", kJanuary).text("id");
    const auto kinds = [&server](const std::string& query) {
        std::string out;
        const auto answer = server.get("/v1/events?" + query);
        for (const auto& item : answer.json.at("items").as_array()) {
            out += std::string(item.at("kind").as_string()) + " of " +
                   std::string(item.at("tenant_id").as_string()) + ", ";
        }
        return out;
    };
    const std::string created = "backfill.created of acme, ";
    for (const std::string& typed : {id, id.substr(0, 8), id.substr(3, 5)}) {
        EXPECT_EQ(kinds("subject=" + typed), created) << typed;
    }
    EXPECT_EQ(kinds("subject=orders"), "asset.created of acme, asset.created of default, ");
    EXPECT_EQ(kinds("subject=acme/orders"), "asset.created of acme, ");
    EXPECT_EQ(kinds("subject=orders&tenant=acme"), "asset.created of acme, ");
    // It is there, and nothing happened to it lately.
    const auto calm = server.get("/v1/events?subject=orders&since=2999-01-01");
    EXPECT_EQ(calm.status, 200) << calm.reply.body;
    EXPECT_TRUE(calm.json.at("items").as_array().empty());
    const auto unknown = server.get("/v1/events?subject=order");
    EXPECT_EQ(unknown.reason(), "no_such_subject");
    EXPECT_NE(unknown.text("detail").find("Did you mean \"orders\"?"), std::string::npos);
    EXPECT_EQ(server.get("/v1/events?subject=acme/nothere").reason(), "no_such_subject");
    EXPECT_EQ(server.get("/v1/events?subject=nobody/orders").reason(), "no_such_tenant");
    EXPECT_EQ(server.get("/v1/events?subject=bf_7777777").reason(), "no_such_backfill");
    EXPECT_EQ(server.get("/v1/events?subject=acme/orders&tenant=default").status, 404);
}

TEST(Events, OfAGroupAreThoseOfItsBackfills) {
    TestServer server;
    for (const char* tenant : {"acme", "bigco"}) {
        server.apply(
            std::string("version: 1\ntenant: ") + tenant + "\n" + asset_yaml("orders").substr(11)
        );
    }
    server.post(
        "/v1/tenants/acme/backfills", R"({"asset":"orders","selection":{"start":"2024-01-31"}})"
    );
    const auto started = server.post(
        "/v1/backfills",
        R"({"asset":"orders","tenants":["acme","bigco"],"selection":{"end":"2024-01-05"}})"
    );
    const std::string group = started.text("group_id");
    ASSERT_TRUE(group.starts_with("grp_")) << started.reply.body;
    const std::string second(started.item(1).at("id").as_string());
    ASSERT_EQ(
        server.post("/v1/backfills/" + second + "/pause", R"({"reason":"lunch"})").status, 200
    );
    server.apply(asset_yaml("later"));
    const auto kinds = [](const TestServer::Answer& answer) {
        EXPECT_EQ(answer.status, 200) << answer.reply.body;
        std::string out;
        for (const auto& item : answer.json.at("items").as_array()) {
            out += std::string(item.at("kind").as_string()) + " ";
        }
        return out;
    };
    const std::string all = "backfill.paused backfill.created backfill.created ";
    for (const std::string& typed : {group, group.substr(0, 10)}) {
        EXPECT_EQ(kinds(server.get("/v1/events?subject=" + typed)), all) << typed;
    }
    EXPECT_EQ(kinds(server.get("/v1/events?since=2999-01-01&subject=" + group)), "");
    EXPECT_EQ(kinds(server.get("/v1/tenants/acme/events?subject=" + group)), "backfill.created ");
    std::string paged;
    std::string token;
    do {
        const auto page =
            server.get("/v1/events?limit=1&subject=" + group + "&page_token=" + token);
        ASSERT_LE(page.json.at("items").as_array().size(), 1U);
        paged += kinds(page);
        const auto& next = page.json.at("next_page_token");
        token = next.is_null() ? "" : std::string(next.as_string());
    } while (!token.empty());
    EXPECT_EQ(paged, all);
    EXPECT_EQ(server.get("/v1/events?subject=grp_7777777").reason(), "no_such_group");
    EXPECT_EQ(server.get("/v1/events?subject=grp_").reason(), "bad_id");
}

TEST(Events, ATenantIsToldWhatHappenedToASharedPool) {
    TestServer server;
    const std::string pool = "version: 1\npools:\n  warehouse: { scope: shared, concurrency: 8 }\n";
    server.apply(pool + asset_yaml("orders").substr(11));
    server.apply("version: 1\ntenant: acme\n" + asset_yaml("orders").substr(11));
    server.apply("version: 1\ntenant: bigco\n" + asset_yaml("warehouse").substr(11));
    ASSERT_EQ(server.post("/v1/pools/warehouse/hold", R"({"reason":"upgrade"})").status, 200);
    const auto kinds = [&server](const std::string& tenant) {
        std::string out;
        const auto answer = server.get("/v1/events?subject=warehouse&tenant=" + tenant);
        for (const auto& item : answer.json.at("items").as_array()) {
            out += std::string(item.at("kind").as_string()) + " ";
        }
        return out;
    };
    EXPECT_NE(kinds("acme").find("pool.held"), std::string::npos) << kinds("acme");
    EXPECT_EQ(kinds("acme").find("asset"), std::string::npos) << "of bigco";
    EXPECT_NE(kinds("bigco").find("asset.created"), std::string::npos) << kinds("bigco");
    // A pool of its own is another one.
    server.apply(
        "version: 1\ntenant: acme\npools:\n  warehouse: { scope: tenant, concurrency: 2 }\n" +
        asset_yaml("orders").substr(11)
    );
    EXPECT_EQ(kinds("acme").find("pool.held"), std::string::npos) << kinds("acme");
}

}  // namespace
}  // namespace servo::server
