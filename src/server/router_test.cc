#include "server/router.h"

#include <gtest/gtest.h>

namespace servo::server {
namespace {

struct Case {
    const char* method;
    const char* target;
    const char* route;  // or the error's reason
    const char* tenant;
};

TEST(Router, Table) {
    const Case cases[] = {
        {"GET", "/v1/backfills", "list_backfills", ""},
        {"GET", "/v1/backfills?status=open&tenant=acme", "list_backfills", "acme"},
        {"POST", "/v1/backfills", "start_backfill", ""},
        {"GET", "/v1/tenants/acme/backfills", "list_backfills", "acme"},
        {"POST", "/v1/tenants/acme/backfills/bf_1/pause", "pause_backfill", "acme"},
        {"GET", "/v1/tenants/acme", "get_tenant", ""},
        {"GET", "/v1/tenants", "list_tenants", ""},
        {"POST", "/v1/executors/drain", "drain_executors", ""},
        {"GET", "/v1/executors/drain", "get_executor", ""},
        {"GET", "/v1/assets/sales/partitions/2024-01-01%7Ceu", "get_partition", ""},
        {"GET", "/v1/assets/a/partitions/k/explain", "explain_partition", ""},
        {"GET", "/livez", "livez", ""},
        {"GET", "/v1/backfill", "unknown_route", ""},
        {"GET", "/v1/tenants/acme/executors", "unknown_route", ""},
        {"GET", "/v1/backfills//pause", "unknown_route", ""},
        {"GET", "", "bad_path", ""},
        {"DELETE", "/v1/backfills", "method_not_allowed", ""},
        {"GET", "/v1/backfills?stats=open", "unknown_parameter", ""},
        {"GET", "/v1/backfills?limit=1&limit=2", "unknown_parameter", ""},
        {"GET", "/v1/tenants/a/backfills?tenant=b", "tenant_twice", ""},
        {"GET", "/v1/executors?tenant=b", "unknown_parameter", ""},
        {"GET", "/v1/assets/%zz", "bad_path", ""},
    };
    for (const Case& c : cases) {
        const auto match = match_route(c.method, c.target);
        const std::string got = match ? std::string(match->route->id) : match.error().reason;
        EXPECT_EQ(got, c.route) << c.method << " " << c.target;
        EXPECT_EQ(match ? match->tenant : "", c.tenant) << c.target;
    }
}

TEST(Router, ParametersAreDecoded) {
    const auto match =
        match_route("GET", "/v1/assets/a%2Fb/partitions/2024-10-27T02%2B01:00?tenant=x+y%26z");
    ASSERT_TRUE(match);
    EXPECT_EQ(match->path.at("asset"), "a/b");
    EXPECT_EQ(match->path.at("key"), "2024-10-27T02+01:00");
    EXPECT_EQ(match->tenant, "x y&z");
}

TEST(Router, MessagesNameTheNearest) {
    EXPECT_NE(
        match_route("GET", "/v1/backfils").error().message.find("/v1/backfills"), std::string::npos
    );
    EXPECT_NE(
        match_route("GET", "/v1/backfills?stats=open").error().message.find("\"status\""),
        std::string::npos
    );
    EXPECT_NE(match_route("PUT", "/v1/backfills").error().message.find("POST"), std::string::npos);
}

TEST(Router, SaysWhatAPathAnswers) {
    EXPECT_EQ(methods_of("/v1/backfills?limit=1"), "POST, GET");
    EXPECT_EQ(methods_of("/v1/tenants/acme/backfills/bf_1/pause"), "POST");
    EXPECT_EQ(methods_of("/nowhere"), "");
}

TEST(Router, OnlySomeRoutesTakeLargeBodies) {
    EXPECT_TRUE(takes_large_body("POST", "/v1/apply"));
    EXPECT_TRUE(takes_large_body("POST", "/v1/tenants/acme/backfills"));
    EXPECT_FALSE(takes_large_body("POST", "/v1/backfills/x/pause"));
    EXPECT_FALSE(takes_large_body("POST", "/nowhere"));
}

// Every route is reached by its own path, directly and (where it belongs to one) under a tenant.
TEST(Router, EveryRouteIsReachable) {
    for (const api::Route& route : api::routes()) {
        std::string path;
        for (size_t i = 0; i < route.path.size(); ++i) {
            if (route.path[i] == '{') {
                path += "value";
                i = route.path.find('}', i);
            } else {
                path += route.path[i];
            }
        }
        const std::string method(to_string(route.method));
        const auto direct = match_route(method, path);
        ASSERT_TRUE(direct) << path;
        EXPECT_EQ(direct->route->id, route.id);
        if (route.scope == api::Scope::kTenant) {
            const auto under =
                match_route(method, "/v1/tenants/acme" + path.substr(path.find('/', 1)));
            ASSERT_TRUE(under) << path;
            EXPECT_EQ(under->route->id, route.id);
            EXPECT_EQ(under->tenant, "acme");
        }
    }
}

}  // namespace
}  // namespace servo::server
