#include "server/access.h"

#include <gtest/gtest.h>

#include <set>

#include "store/memory/memory_store.h"

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

TokenTable table_of(const std::vector<store::StoredToken>& tokens) {
    TokenTable table;
    for (const store::StoredToken& token : tokens) {
        table.closed = table.closed || token.row.role == model::TokenRole::kAdmin;
        table.by_id[token.row.id] = token;
    }
    return table;
}

struct Made {
    store::StoredToken stored;
    std::string text;
};
Made make(model::TokenRole role, const std::string& tenant = "") {
    Made out;
    const model::TokenText text = draw_token(role);
    out.text = model::format_token(text);
    out.stored.row.id = text.id;
    out.stored.row.role = role;
    out.stored.row.secret_sha256 = token_hash(text.secret);
    out.stored.tenant_name = tenant;
    if (!tenant.empty()) {
        out.stored.row.tenant = model::TenantId(7);
    }
    return out;
}
RequestHeaders bearer(const std::string& token) {
    RequestHeaders headers;
    headers.authorization = "Bearer " + token;
    return headers;
}

TEST(Access, ScrapesBeyondLoopbackNeedATokenThatMayReadMetrics) {
    using enum model::TokenRole;
    const Made scraper = make(kMetrics);
    const Made admin = make(kAdmin);
    const Made reader = make(kTenantRead, "acme");
    const Made fleet = make(kExecutor);
    const TokenTable tokens = table_of({scraper.stored, admin.stored, reader.stored, fleet.stored});
    const auto outcome = [&](const std::string& address, const RequestHeaders& headers) {
        AccessOptions options;
        options.listen_address = address;
        const Status allowed = check_scrape(headers, options, tokens, instant_ms(5));
        return allowed ? std::string() : allowed.error().reason;
    };
    EXPECT_EQ(outcome("127.0.0.1", {}), "");
    EXPECT_EQ(outcome("localhost", {}), "");
    for (const char* address : {"0.0.0.0", "10.1.2.3", "::"}) {
        EXPECT_EQ(outcome(address, {}), "no_token");
        EXPECT_EQ(outcome(address, bearer("nonsense")), "bad_token");
        EXPECT_EQ(outcome(address, bearer(scraper.text)), "");
        EXPECT_EQ(outcome(address, bearer(admin.text)), "");
        EXPECT_EQ(outcome(address, bearer(reader.text)), "role");
        EXPECT_EQ(outcome(address, bearer(fleet.text)), "role");
    }
}

TEST(Access, StoredTokensGiveRoleTenantAndName) {
    using enum model::TokenRole;
    struct Row {
        model::TokenRole role;
        const char* tenant;
        api::Role expected;
    };
    for (const Row& row : std::initializer_list<Row>{
             {kAdmin, "", api::Role::kAdmin},
             {kTenantAdmin, "acme", api::Role::kWrite},
             {kTenantRead, "acme", api::Role::kRead},
             {kExecutor, "acme", api::Role::kExecutor},
             {kExecutor, "", api::Role::kExecutor},
             {kMetrics, "", api::Role::kMetrics}}) {
        const Made made = make(row.role, row.tenant);
        RequestHeaders headers = bearer(made.text);
        headers.actor = "ann@host";
        const auto who = authenticate(headers, {}, table_of({made.stored}), instant_ms(5));
        ASSERT_TRUE(who) << who.error().message;
        EXPECT_EQ(who->role, row.expected);
        EXPECT_EQ(who->tenant, row.tenant);
        EXPECT_EQ(who->tenant_id.value, *row.tenant == '\0' ? 0 : 7);
        EXPECT_EQ(who->token, made.stored.row.id);
        EXPECT_EQ(who->actor, "ann@host/" + made.stored.row.id);
    }
}

TEST(Access, OnlyTheSecretOfTheTokenOpens) {
    const Made made = make(model::TokenRole::kAdmin);
    const TokenTable table = table_of({made.stored});
    EXPECT_EQ(authenticate({}, {}, table).error().reason, "no_token");
    EXPECT_EQ(authenticate(bearer("x"), {}, table).error().reason, "bad_token");
    // The right id with another secret, and its role changed.
    model::TokenText forged = draw_token(model::TokenRole::kAdmin);
    forged.id = made.stored.row.id;
    EXPECT_EQ(
        authenticate(bearer(model::format_token(forged)), {}, table).error().reason, "bad_token"
    );
    EXPECT_EQ(
        authenticate(bearer(made.stored.row.secret_sha256), {}, table).error().reason, "bad_token"
    );
}

TEST(Access, EndedTokensAreToldSo) {
    Made made = make(model::TokenRole::kTenantRead, "acme");
    made.stored.row.expires_at = instant_ms(10);
    const auto reason = [&made](int64_t at) {
        const auto who =
            authenticate(bearer(made.text), {}, table_of({made.stored}), instant_ms(at));
        return who ? "" : who.error().reason;
    };
    EXPECT_EQ(reason(9), "");
    EXPECT_EQ(reason(10), "token_expired");
    made.stored.row.revoked_at = instant_ms(5);
    EXPECT_EQ(reason(4), "");
    EXPECT_EQ(reason(5), "token_revoked");
}

// An admin token that has ended must not open the door to everybody.
TEST(Access, OnceThereWasAnAdminTokenTheDoorStaysShut) {
    EXPECT_TRUE(is_open({}, {}));
    EXPECT_TRUE(is_open({}, table_of({make(model::TokenRole::kTenantRead, "acme").stored})));
    Made made = make(model::TokenRole::kAdmin);
    made.stored.row.revoked_at = instant_ms(1);
    EXPECT_FALSE(is_open({}, table_of({made.stored})));
    AccessOptions with_token;
    with_token.admin_token = "x";
    EXPECT_FALSE(is_open(with_token, {}));
}

TEST(Access, WhatRunsInTheProcessGetsIn) {
    AccessOptions options;
    options.admin_token = "x";
    options.process_token = "own";
    EXPECT_EQ(authenticate(bearer("own"), options).value().role, api::Role::kAdmin);
    options.process_token = "";
    EXPECT_EQ(authenticate(bearer(""), options).error().reason, "bad_token");
}

// Every route against every role, written out: a route that is not in the list fails.
TEST(Access, RolesMatrix) {
    using enum api::Role;
    const std::map<std::string_view, std::string_view> lowest = {
        {"start_backfill", "tenant-admin"},
        {"list_backfills", "tenant-read"},
        {"get_backfill", "tenant-read"},
        {"set_backfill", "tenant-admin"},
        {"pause_backfill", "tenant-admin"},
        {"resume_backfill", "tenant-admin"},
        {"cancel_backfill", "tenant-admin"},
        {"retry_backfill", "tenant-admin"},
        {"explain_backfill", "tenant-read"},
        {"list_partitions", "tenant-read"},
        {"get_partition", "tenant-read"},
        {"explain_partition", "tenant-read"},
        {"get_partition_log", "tenant-read"},
        {"mark_partitions", "tenant-admin"},
        {"apply", "tenant-admin"},
        {"list_assets", "tenant-read"},
        {"get_asset", "tenant-read"},
        {"set_asset", "tenant-admin"},
        {"list_revisions", "tenant-read"},
        {"diff_asset", "tenant-read"},
        {"list_pools", "tenant-read"},
        {"get_pool", "tenant-read"},
        {"set_pool", "tenant-admin"},
        {"hold_pool", "tenant-admin"},
        {"release_pool", "tenant-admin"},
        {"list_tenants", "admin"},
        {"get_tenant", "tenant-read"},
        {"set_tenant", "admin"},
        {"list_executors", "admin"},
        {"get_executor", "admin"},
        {"drain_executors", "admin"},
        {"undrain_executors", "admin"},
        {"get_status", "tenant-read"},
        {"list_events", "tenant-read"},
        {"get_report", "tenant-read"},
        {"fsck", "admin"},
        {"backup", "admin"},
        {"create_token", "admin"},
        {"list_tokens", "admin"},
        {"revoke_token", "admin"},
        {"rotate_token", "admin"},
        {"executor_register", "executor"},
        {"executor_report", "executor"},
        {"executor_acquire", "executor"},
        {"livez", "public"},
        {"readyz", "public"},
        {"version", "tenant-read"},
        {"openapi", "public"},
        {"get_live_log", "tenant-read"},
        {"check_pool", "tenant-admin"},
        {"executor_logs", "executor"},
        {"executor_health", "executor"},
    };
    for (const api::Route& route : api::routes()) {
        const auto row = lowest.find(route.id);
        ASSERT_NE(row, lowest.end()) << route.id << " has no row: say who may call it";
        EXPECT_EQ(to_string(route.role), row->second) << route.id;
        const auto allowed = [&route](api::Role role) {
            return check_role(Principal{role, "", ""}, route).has_value();
        };
        const bool open = route.role == kPublic;
        EXPECT_TRUE(allowed(kAdmin)) << route.id;
        EXPECT_EQ(allowed(kExecutor), open || route.role == kExecutor) << route.id;
        EXPECT_EQ(allowed(kMetrics), open || route.role == kMetrics) << route.id;
        EXPECT_EQ(allowed(kPublic), open) << route.id;
        EXPECT_EQ(allowed(kRead), open || route.role == kRead) << route.id;
        EXPECT_EQ(allowed(kWrite), open || route.role == kRead || route.role == kWrite) << route.id;
    }
    EXPECT_EQ(lowest.size(), api::routes().size());
    // By the names that tokens have.
    EXPECT_NE(
        check_role(Principal{kRead, "", ""}, api::route("start_backfill"))
            .error()
            .message.find("needs the role tenant-admin; the token has tenant-read."),
        std::string::npos
    );
}

TEST(Access, ATokenThatIsNotKnownYetIsLookedForOnce) {
    const Made old = make(model::TokenRole::kAdmin);
    const Made fresh = make(model::TokenRole::kTenantRead, "acme");
    const auto newer = std::make_shared<TokenTable>(table_of({old.stored, fresh.stored}));
    TokenTable table = table_of({old.stored});
    int reads = 0;
    table.newer = [&] {
        ++reads;
        return newer;
    };
    EXPECT_TRUE(authenticate(bearer(old.text), {}, table).has_value());
    EXPECT_EQ(authenticate(bearer("x"), {}, table).error().reason, "bad_token");
    EXPECT_EQ(reads, 0) << "what is known, or no token at all, needs no reading";
    const auto who = authenticate(bearer(fresh.text), {}, table);
    ASSERT_TRUE(who.has_value()) << who.error().message;
    EXPECT_EQ(who->tenant, "acme");
    EXPECT_EQ(reads, 1);
    const Made stranger = make(model::TokenRole::kAdmin);
    EXPECT_EQ(authenticate(bearer(stranger.text), {}, table).error().reason, "bad_token");
    EXPECT_EQ(reads, 2);
}

TEST(TokenBook, ReadsOnceMoreForAnUnknownTokenAndNotForEachOfMany) {
    using Clock = std::chrono::steady_clock;
    store::MemoryStore store;
    TokenBook book(store, Millis(60'000));
    const auto begun = Clock::now();
    ASSERT_TRUE(book.start().has_value());
    const auto table = book.table();
    EXPECT_NE(table->newer(), table);
    std::set<std::shared_ptr<const TokenTable>> seen;
    for (int i = 0; i < 200; ++i) {
        seen.insert(book.table()->newer());
    }
    const auto took = Clock::now() - begun;
    const auto most = took / kTokensSoughtEvery + took / kTokensReadEvery + 2;
    EXPECT_LE(static_cast<int64_t>(seen.size()), most);
    book.stop();
    EXPECT_EQ(book.table()->newer(), book.table());
}

TEST(Access, ATokenOfTheEnvironmentMustFitIntoAHeader) {
    for (const char* token : {" ", "secret ", "secret\n", "two words", "tab\t", "\x7f"}) {
        for (const bool executor : {false, true}) {
            AccessOptions options;
            (executor ? options.executor_token : options.admin_token) = token;
            const Status fine = check_exposure(options, {}, Transport::kPlain, false);
            ASSERT_FALSE(fine.has_value()) << token;
            EXPECT_EQ(fine.error().reason, "bad_token");
            EXPECT_EQ(fine.error().message.find("secret"), std::string::npos);
        }
    }
}

TEST(Access, WhatIsNoAddressIsSaidBeforeTokensAreAskedFor) {
    AccessOptions options;
    for (const char* address : {"localhost", "db.example", "300.1.1.1"}) {
        options.listen_address = address;
        const Status fine = check_exposure(options, {}, Transport::kPlain, false);
        ASSERT_FALSE(fine.has_value()) << address;
        EXPECT_EQ(fine.error().reason, "bad_address");
        EXPECT_NE(fine.error().message.find("127.0.0.1"), std::string::npos);
    }
}

// Where one may listen, with what.
TEST(Access, StartUpMatrix) {
    for (const char* address : {"127.0.0.1", "::1", "0.0.0.0", "::", "10.1.2.3"}) {
        for (const bool env_token : {false, true}) {
            for (const bool stored_token : {false, true}) {
                for (const Transport transport : {Transport::kPlain, Transport::kTls}) {
                    for (const bool insecure : {false, true}) {
                        AccessOptions options;
                        options.listen_address = address;
                        options.admin_token = env_token ? "x" : "";
                        TokenTable table;
                        table.closed = stored_token;
                        const bool guarded =
                            (env_token || stored_token) && transport == Transport::kTls;
                        const Status fine = check_exposure(options, table, transport, insecure);
                        EXPECT_EQ(fine.has_value(), is_loopback(address) || guarded || insecure)
                            << address << env_token << stored_token << insecure;
                        if (!fine) {
                            EXPECT_EQ(fine.error().reason, "insecure_listen");
                        }
                    }
                }
            }
        }
    }
}

}  // namespace
}  // namespace servo::server
