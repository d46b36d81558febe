// The installation at a glance.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/full_server_test.h"

namespace servo::server {
namespace {

// "gate subject partitions: release", a line each.
std::string waiting(const TestServer& server, const std::string& target) {
    const auto answer = server.get(target);
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
    std::string out;
    for (const auto& reason : answer.json.at("waiting").as_array()) {
        out += fmt::format(
            "{} {} {}: {}\n",
            std::string(reason.at("gate").as_string()),
            std::string(reason.at("subject").as_string()),
            reason.at("partitions").to_number<uint64_t>(),
            std::string(reason.at("release").as_string())
        );
    }
    return out;
}

// A definition of assets, each with a pool of its name with the first letter "p" before it.
std::string pooled(const std::string& head, const std::vector<std::string>& assets) {
    std::string pools;
    std::string text;
    for (const std::string& asset : assets) {
        pools += fmt::format("  p{}: {{ scope: tenant, concurrency: 2 }}\n", asset);
        text += fmt::format(
            "  {}: {{ run: {{ command: [make] }}, pools: {{ p{}: 1 }}, partitions: {{ every: day, "
            "start: 2024-01-01, end: 2024-02-01 }} }}\n",
            asset,
            asset
        );
    }
    return "version: 1\n" + head + "pools:\n" + pools + "assets:\n" + text;
}

void start(const TestServer& server, const std::string& tenant, const char* asset, int days) {
    const auto answer = server.post(
        "/v1/tenants/" + tenant + "/backfills",
        fmt::format(R"({{"asset":"{}","selection":{{"end":"2024-01-{:02}"}}}})", asset, days)
    );
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
}

TEST(Status, TellsEachHolderByItselfTheLargestFirst) {
    TestServer server;
    server.apply(pooled("", {"a", "b", "c"}));
    TestExecutor executor(server, "ex-1", 1);
    for (const auto& [asset, days] : {std::pair("a", 20), std::pair("b", 21), std::pair("c", 25)}) {
        const std::string hold = fmt::format("/v1/tenants/default/pools/p{}/hold", asset);
        ASSERT_EQ(server.post(hold, R"({"reason":"upgrade"})").status, 200);
        start(server, "default", asset, days);
    }
    const std::string told = waiting(server, "/v1/tenants/default/status");
    size_t at = 0;
    for (const char* line :
         {"pool_held pc 25: servo pool release pc",
          "pool_held pb 21: servo pool release pb",
          "pool_held pa 20: servo pool release pa"}) {
        const size_t found = told.find(line);
        ASSERT_NE(found, std::string::npos) << told;
        EXPECT_GE(found, at) << told;
        at = found;
    }
}

TEST(Status, TellsPoolsOfOneNameApartByTheirTenants) {
    TestServer server;
    TestExecutor executor(server, "ex-1", 1);
    for (const auto& [tenant, days] : {std::pair("acme", 3), std::pair("bigco", 4)}) {
        server.apply(pooled(fmt::format("tenant: {}\n", tenant), {"a"}));
        const std::string hold = fmt::format("/v1/tenants/{}/pools/pa/hold", tenant);
        ASSERT_EQ(server.post(hold, R"({"reason":"upgrade"})").status, 200);
        start(server, tenant, "a", days);
    }
    const std::string all = waiting(server, "/v1/status");
    EXPECT_NE(
        all.find("pool_held acme/pa 3: servo pool release pa --tenant acme\n"), std::string::npos
    ) << all;
    EXPECT_NE(
        all.find("pool_held bigco/pa 4: servo pool release pa --tenant bigco\n"), std::string::npos
    ) << all;
    const std::string own = waiting(server, "/v1/tenants/acme/status");
    EXPECT_NE(own.find("pool_held pa 3: "), std::string::npos) << own;
}

TEST(Status, TellsManyHoldersOfAGateTogether) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    for (int day = 1; day <= 25; ++day) {
        const auto started = server.post(
            "/v1/backfills",
            fmt::format(R"({{"asset":"orders","selection":{{"keys":["2024-01-{:02}"]}}}})", day)
        );
        const std::string path = "/v1/backfills/" + started.text("id") + "/pause";
        ASSERT_EQ(server.post(path, "{}").status, 200);
    }
    const auto status = server.get("/v1/status");
    const auto& reasons = status.json.at("waiting").as_array();
    ASSERT_EQ(reasons.size(), 21U) << status.reply.body;
    EXPECT_EQ(reasons.at(0).at("partitions"), 5) << status.reply.body;
    EXPECT_EQ(reasons.at(0).at("subject"), "");
    EXPECT_EQ(reasons.at(0).at("release"), "");
    EXPECT_EQ(reasons.at(1).at("partitions"), 1);
}

}  // namespace
}  // namespace servo::server
