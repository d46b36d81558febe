#include "server/access.h"

#include <gtest/gtest.h>

namespace servo::server {
namespace {

Request request_with(
    std::string host, std::string origin = "", std::string type = "", std::string body = ""
) {
    Request request;
    request.headers.host = std::move(host);
    request.headers.origin = std::move(origin);
    request.headers.content_type = std::move(type);
    request.body = std::move(body);
    return request;
}

std::string browser(const Request& request, const AccessOptions& options = {}) {
    const Status status = check_browser(request, options);
    return status ? "" : status.error().reason;
}

TEST(Access, ForeignHostsAreRefusedWhileEveryoneIsAnAdmin) {
    for (const char* host : {"localhost", "localhost:7420", "127.0.0.1:7420", "[::1]:7420"}) {
        EXPECT_EQ(browser(request_with(host)), "") << host;
    }
    for (const char* host : {"evil.example", "127.0.0.1.evil.example.", "", "evil.example:7420"}) {
        EXPECT_EQ(browser(request_with(host)), "wrong_host") << host;
    }
    AccessOptions with_token;
    with_token.admin_token = "secret";
    EXPECT_EQ(browser(request_with("servo.example"), with_token), "");
}

TEST(Access, ForeignPagesAreRefused) {
    EXPECT_EQ(browser(request_with("localhost:1", "http://localhost:1")), "");
    EXPECT_EQ(browser(request_with("localhost:1", "http://evil.example")), "foreign_origin");
    EXPECT_EQ(browser(request_with("localhost:1", "null")), "foreign_origin");
}

TEST(Access, BodiesAreDeclaredAsJson) {
    EXPECT_EQ(browser(request_with("localhost", "", "application/json; charset=utf-8", "{}")), "");
    EXPECT_EQ(browser(request_with("localhost", "", "text/plain", "{}")), "bad_content_type");
    EXPECT_EQ(browser(request_with("localhost", "", "", "{}")), "bad_content_type");
    EXPECT_EQ(browser(request_with("localhost")), "");
}

TEST(Access, WithoutATokenEveryoneIsAnAdmin) {
    RequestHeaders headers;
    headers.actor = "ann@host";
    const Principal who = authenticate(headers, {}).value();
    EXPECT_EQ(who.role, api::Role::kAdmin);
    EXPECT_EQ(who.actor, "ann@host");
    headers.actor = "two words";
    EXPECT_EQ(authenticate(headers, {}).value().actor, "anonymous");
}

TEST(Access, TokensGiveRoles) {
    AccessOptions options;
    options.admin_token = "admin-secret";
    options.executor_token = "executor-secret";
    RequestHeaders headers;
    EXPECT_EQ(authenticate(headers, options).error().reason, "no_token");
    headers.authorization = "Bearer wrong";
    EXPECT_EQ(authenticate(headers, options).error().reason, "bad_token");
    headers.authorization = "Bearer admin-secret";
    EXPECT_EQ(authenticate(headers, options).value().role, api::Role::kAdmin);
    headers.authorization = "Bearer executor-secret";
    EXPECT_EQ(authenticate(headers, options).value().role, api::Role::kExecutor);
    options.executor_token = "";
    headers.authorization = "Bearer ";
    EXPECT_EQ(authenticate(headers, options).error().reason, "bad_token");
}

// Every route against every role.
TEST(Access, RolesMatrix) {
    using enum api::Role;
    for (const api::Route& route : api::routes()) {
        const auto allowed = [&route](api::Role role) {
            return check_role(Principal{role, "", ""}, route).has_value();
        };
        EXPECT_TRUE(allowed(kAdmin)) << route.id;
        EXPECT_EQ(allowed(kExecutor), route.role == kPublic || route.role == kExecutor) << route.id;
        EXPECT_EQ(allowed(kPublic), route.role == kPublic) << route.id;
        EXPECT_EQ(allowed(kRead), route.role == kPublic || route.role == kRead) << route.id;
        EXPECT_EQ(
            allowed(kWrite), route.role == kPublic || route.role == kRead || route.role == kWrite
        ) << route.id;
    }
}

TEST(Access, ReachableAddressesNeedATokenOrAWord) {
    AccessOptions options;
    EXPECT_TRUE(check_exposure(options, false));
    options.listen_address = "0.0.0.0";
    EXPECT_EQ(check_exposure(options, false).error().reason, "insecure_listen");
    EXPECT_TRUE(check_exposure(options, true));
    options.admin_token = "x";
    EXPECT_TRUE(check_exposure(options, false));
}

}  // namespace
}  // namespace servo::server
