// Each route, asked by each role for what is its own, another tenant's, and nobody's: what is
// foreign looks exactly as if it were not there. A route without a row here fails the suite.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/asset.h"
#include "model/job_id.h"
#include "server/full_server_test.h"

namespace servo::server {
namespace {

constexpr const char* kRoot = "root-secret";

std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
}

ServerOptions guarded() {
    ServerOptions options;
    options.admin_token = kRoot;
    options.executor_token = "fleet-secret";
    return options;
}

std::string definitions(const std::string& tenant, const std::string& asset) {
    return fmt::format(
        "version: 1\ntenant: {}\npools:\n  {}_pool: {{ scope: tenant, concurrency: 2 }}\nassets:\n"
        "  {}:\n    partitions: {{ every: day, start: 2024-01-01, end: 2024-02-01 }}\n"
        "    run: {{ command: [\"true\"] }}\n    pools: [{}_pool]\n",
        tenant,
        asset,
        asset,
        asset
    );
}

// What a route's path or body names: {thing} is replaced by it.
enum class Thing { kNone, kAsset, kJob, kPool, kTenant };
struct Row {
    std::string_view id;
    Thing thing;
    std::string target;
    std::string body;
    bool in_body = false;  // the body names the thing
};

const std::vector<Row>& rows() {
    static const std::string kWindow = R"("selection":{"keys":["2024-01-05"]})";
    static const std::vector<Row> all = {
        {"start_backfill",
         Thing::kAsset,
         "/v1/backfills",
         R"({"asset":"{thing}",)" + kWindow + R"(,"dry_run":true,"reprocess":"all"})",
         true},
        {"list_backfills", Thing::kAsset, "/v1/backfills?asset={thing}", ""},
        {"get_backfill", Thing::kJob, "/v1/backfills/{thing}", ""},
        {"set_backfill", Thing::kJob, "/v1/backfills/{thing}", R"({"priority":1})"},
        {"pause_backfill", Thing::kJob, "/v1/backfills/{thing}/pause", "{}"},
        {"resume_backfill", Thing::kJob, "/v1/backfills/{thing}/resume", "{}"},
        {"explain_backfill", Thing::kJob, "/v1/backfills/{thing}/explain", ""},
        {"cancel_backfill", Thing::kJob, "/v1/backfills/{thing}/cancel", "{}"},
        {"retry_backfill", Thing::kJob, "/v1/backfills/{thing}/retry", "{}"},
        {"list_partitions", Thing::kAsset, "/v1/assets/{thing}/partitions", ""},
        {"get_partition", Thing::kAsset, "/v1/assets/{thing}/partitions/2024-01-05", ""},
        {"explain_partition",
         Thing::kAsset,
         "/v1/assets/{thing}/partitions/2024-01-05/explain",
         ""},
        {"get_partition_log", Thing::kAsset, "/v1/assets/{thing}/partitions/2024-01-05/logs", ""},
        {"get_live_log", Thing::kAsset, "/v1/assets/{thing}/partitions/2024-01-05/logs/live", ""},
        {"mark_partitions",
         Thing::kAsset,
         "/v1/assets/{thing}/mark",
         "{" + kWindow + R"(,"as":"skipped","reason":"none"})"},
        {"apply",
         Thing::kNone,
         "/v1/apply",
         R"({"dry_run":true,"files":[{"name":"servo.yaml","text":"version: 1\nassets: {}\n"}]})"},
        {"list_assets", Thing::kNone, "/v1/assets", ""},
        {"get_asset", Thing::kAsset, "/v1/assets/{thing}", ""},
        {"set_asset", Thing::kAsset, "/v1/assets/{thing}", R"({"concurrency":3})"},
        {"list_revisions", Thing::kAsset, "/v1/assets/{thing}/revisions", ""},
        {"diff_asset", Thing::kAsset, "/v1/assets/{thing}/diff?from=1&to=1", ""},
        {"list_pools", Thing::kNone, "/v1/pools", ""},
        {"get_pool", Thing::kPool, "/v1/pools/{thing}", ""},
        {"set_pool", Thing::kPool, "/v1/pools/{thing}", R"({"concurrency":3})"},
        {"hold_pool", Thing::kPool, "/v1/pools/{thing}/hold", R"({"reason":"x"})"},
        {"release_pool", Thing::kPool, "/v1/pools/{thing}/release", "{}"},
        {"check_pool", Thing::kPool, "/v1/pools/{thing}/check", "{}"},
        {"list_tenants", Thing::kNone, "/v1/tenants", ""},
        {"get_tenant", Thing::kTenant, "/v1/tenants/{thing}", ""},
        {"set_tenant", Thing::kTenant, "/v1/tenants/{thing}", R"({"weight":7})"},
        {"list_executors", Thing::kNone, "/v1/executors", ""},
        {"get_executor", Thing::kNone, "/v1/executors/x1", ""},
        {"drain_executors", Thing::kNone, "/v1/executors/drain", R"({"executors":["x1"]})"},
        {"undrain_executors", Thing::kNone, "/v1/executors/undrain", R"({"executors":["x1"]})"},
        {"get_status", Thing::kNone, "/v1/status", ""},
        {"list_events", Thing::kNone, "/v1/events", ""},
        {"list_events", Thing::kAsset, "/v1/events?subject={thing}", ""},
        {"list_events", Thing::kJob, "/v1/events?subject={thing}", ""},
        {"list_events", Thing::kPool, "/v1/events?subject={thing}", ""},
        {"get_report", Thing::kNone, "/v1/report", ""},
        {"fsck", Thing::kNone, "/v1/fsck", ""},
        {"backup", Thing::kNone, "/v1/backup", R"({"path":"relative"})"},
        {"create_token", Thing::kNone, "/v1/tokens", R"({"role":"nonsense"})"},
        {"list_tokens", Thing::kNone, "/v1/tokens", ""},
        {"revoke_token", Thing::kNone, "/v1/tokens/nobody/revoke", "{}"},
        {"rotate_token", Thing::kNone, "/v1/tokens/nobody/rotate", "{}"},
        {"executor_register", Thing::kNone, "/v1/executor/register", "{}"},
        {"executor_report", Thing::kNone, "/v1/executor/report", "{}"},
        {"executor_acquire", Thing::kNone, "/v1/executor/acquire", "{}"},
        {"executor_logs", Thing::kNone, "/v1/executor/logs", "{}"},
        {"executor_health", Thing::kNone, "/v1/executor/health", "{}"},
        {"livez", Thing::kNone, "/livez", ""},
        {"readyz", Thing::kNone, "/readyz", ""},
        {"version", Thing::kNone, "/version", ""},
        {"openapi", Thing::kNone, "/openapi.json", ""},
    };
    return all;
}

std::string put(std::string text, const std::string& name) {
    const size_t at = text.find("{thing}");
    return at == std::string::npos ? text : text.replace(at, 7, name);
}

// Two tenants with an asset, a pool and a job each; a token of each role.
class Tenants : public testing::Test {
 protected:
    Tenants() : server_(guarded()) {
        for (const auto& [tenant, asset] : {std::pair{"acme", "orders"}, {"bigco", "ledger"}}) {
            apply(definitions(tenant, asset));
            jobs_[tenant] = start(tenant, asset);
        }
        const auto joined = server_.post(
            "/v1/executor/register",
            R"({"executor":"x1","session":77,"slots":1})",
            bearer("fleet-secret")
        );
        EXPECT_EQ(joined.status, 200) << joined.reply.body;
        tokens_["admin"] = make(R"({"role":"admin"})");
        tokens_["tenant-admin"] = make(R"({"role":"tenant-admin","tenant":"acme"})");
        tokens_["tenant-read"] = make(R"({"role":"tenant-read","tenant":"acme"})");
        tokens_["executor"] = make(R"({"role":"executor","tenant":"acme"})");
        tokens_["metrics"] = make(R"({"role":"metrics"})");
    }

    TestServer::Answer ask(
        const std::string& token,
        std::string_view method,
        const std::string& target,
        const std::string& body = ""
    ) const {
        return server_.call(std::string(method), target, body, bearer(token));
    }
    void apply(const std::string& yaml) {
        api::ApplyRequest request;
        request.files.push_back({"servo.yaml", yaml, "/srv/code"});
        const auto answer = ask(kRoot, "POST", "/v1/apply", api::to_text(to_json(request)));
        EXPECT_EQ(answer.status, 200) << answer.reply.body;
    }
    std::string start(
        const std::string& tenant,
        const std::string& asset,
        const std::string& window = R"("start":"2024-01-10","end":"2024-01-20")"
    ) {
        const auto answer =
            ask(kRoot,
                "POST",
                "/v1/tenants/" + tenant + "/backfills",
                R"({"asset":")" + asset + R"(","selection":{)" + window + "}}");
        EXPECT_EQ(answer.status, 200) << answer.reply.body;
        return answer.text("id");
    }
    std::string make(const std::string& body) {
        const auto answer = ask(kRoot, "POST", "/v1/tokens", body);
        EXPECT_EQ(answer.status, 200) << answer.reply.body;
        return answer.text("text");
    }

    std::string own(Thing thing) const { return named(thing, "acme", "orders"); }
    std::string foreign(Thing thing) const { return named(thing, "bigco", "ledger"); }
    static std::string absent(Thing thing) {
        switch (thing) {
            case Thing::kAsset:
                return "nothing";
            case Thing::kJob:
                return model::to_text(model::JobId(4'711));
            case Thing::kPool:
                return "nothing_pool";
            case Thing::kTenant:
                return "nobody";
            case Thing::kNone:
                return "";
        }
        return "";
    }
    std::string named(Thing thing, const std::string& tenant, const std::string& asset) const {
        switch (thing) {
            case Thing::kAsset:
                return asset;
            case Thing::kJob:
                return jobs_.at(tenant);
            case Thing::kPool:
                return asset + "_pool";
            case Thing::kTenant:
                return tenant;
            case Thing::kNone:
                return "";
        }
        return "";
    }

    TestServer server_;
    std::map<std::string, std::string> jobs_;    // by tenant
    std::map<std::string, std::string> tokens_;  // by role
};

// The answer without what must differ: the name asked for and the request's id.
std::string shape(const TestServer::Answer& answer, const std::string& name) {
    std::string text = answer.reply.body;
    const size_t id = text.find("\"request_id\"");
    text = text.substr(0, id);
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name)) {
        text.replace(at, name.size(), "<name>");
    }
    return std::to_string(answer.status) + " " + text;
}

TEST_F(Tenants, EveryRouteForEveryRole) {
    std::map<std::string_view, const Row*> by_id;
    for (const Row& row : rows()) {
        by_id[row.id] = &row;
    }
    for (const api::Route& route : api::routes()) {
        ASSERT_TRUE(by_id.contains(route.id)) << route.id << " has no row: add what it names";
    }
    for (const Row& row : rows()) {
        const api::Route& route = api::route(row.id);
        const std::string_view method = to_string(route.method);
        for (const auto& [role, token] : tokens_) {
            SCOPED_TRACE(fmt::format("{} as {}", row.id, role));
            const auto about = [&, &token = token](const std::string& name) {
                return ask(token, method, put(row.target, name), put(row.body, name));
            };
            const std::string lowest(to_string(route.role));
            const bool allowed = lowest == "public" || role == "admin" || role == lowest ||
                                 (role == "tenant-admin" && lowest == "tenant-read");
            const auto mine = about(own(row.thing));
            if (!allowed) {
                EXPECT_EQ(mine.status, 403) << mine.reply.body;
                EXPECT_EQ(mine.reason(), "role");
            } else {
                EXPECT_NE(mine.status, 401) << mine.reply.body;
                EXPECT_NE(mine.status, 403) << mine.reply.body;
                EXPECT_LT(mine.status, 500) << mine.reply.body;
            }
            if (row.thing == Thing::kNone) {
                continue;
            }
            const auto theirs = about(foreign(row.thing));
            const auto nobodys = about(absent(row.thing));
            if (role == "admin") {
                EXPECT_FALSE(theirs.reason().starts_with("no_such")) << theirs.reply.body;
                EXPECT_NE(theirs.status, 403) << theirs.reply.body;
                continue;
            }
            EXPECT_EQ(shape(theirs, foreign(row.thing)), shape(nobodys, absent(row.thing)))
                << "a foreign thing must look absent";
            EXPECT_EQ(theirs.status, allowed ? 404 : mine.status) << theirs.reply.body;
        }
        EXPECT_EQ(
            server_.call(std::string(method), put(row.target, "x"), row.body).status == 401,
            route.role != api::Role::kPublic
        ) << row.id
          << " without a token";
    }
}

TEST_F(Tenants, TheTenantIsTheTokensAndNobodyElses) {
    const std::string& write = tokens_["tenant-admin"];
    EXPECT_EQ(ask(write, "GET", "/v1/tenants/acme/assets").status, 200);
    for (const char* target :
         {"/v1/tenants/bigco/assets", "/v1/tenants/nobody/assets", "/v1/assets?tenant=bigco"}) {
        EXPECT_EQ(ask(write, "GET", target).status, 404) << target;
    }
    const auto in_body = ask(
        write, "POST", "/v1/backfills", R"({"asset":"ledger","tenants":["bigco"],"dry_run":true})"
    );
    EXPECT_EQ(in_body.status, 403) << in_body.reply.body;
    EXPECT_EQ(in_body.reason(), "admin_only");
    const auto among_others =
        ask(write, "POST", "/v1/backfills", R"({"asset":"orders","tenants":["acme","bigco"]})");
    EXPECT_EQ(among_others.reason(), "admin_only") << among_others.reply.body;
    const auto own = ask(
        write,
        "POST",
        "/v1/backfills",
        R"({"asset":"orders","tenants":["acme"],"selection":{"keys":["2024-01-05"]},"dry_run":true})"
    );
    EXPECT_EQ(own.status, 200) << own.reply.body;
    const auto all =
        ask(write, "POST", "/v1/backfills", R"({"asset":"orders","all_tenants":true})");
    EXPECT_EQ(all.reason(), "admin_only") << all.reply.body;
    api::ApplyRequest request;
    request.files.push_back({"servo.yaml", asset_yaml("sneaky"), "/srv/code"});
    request.tenant = "bigco";
    const auto other = ask(write, "POST", "/v1/apply", api::to_text(to_json(request)));
    EXPECT_EQ(other.reason(), "foreign_tenant") << other.reply.body;
    request.tenant.reset();
    EXPECT_EQ(ask(write, "POST", "/v1/apply", api::to_text(to_json(request))).status, 200);
    EXPECT_EQ(ask(kRoot, "GET", "/v1/tenants/acme/assets/sneaky").status, 200);
}

TEST_F(Tenants, NothingForeignShowsThroughNamesListsPrefixesAndGroups) {
    const std::string& read = tokens_["tenant-read"];
    const auto near = ask(read, "GET", "/v1/assets/ledgers");
    EXPECT_EQ(near.status, 404);
    EXPECT_EQ(near.text("detail").find("Did you mean"), std::string::npos) << near.text("detail");
    EXPECT_NE(
        ask(read, "GET", "/v1/assets/order").text("detail").find("Did you mean \"orders\""),
        std::string::npos
    );
    EXPECT_EQ(
        ask(read, "GET", "/v1/tenants/bigcos").text("detail").find("bigco\""), std::string::npos
    );
    EXPECT_EQ(ask(read, "GET", "/v1/backfills/" + jobs_["bigco"].substr(0, 10)).status, 404);
    EXPECT_EQ(
        ask(read, "GET", "/v1/backfills?id_prefix=" + jobs_["bigco"])
            .json.at("items")
            .as_array()
            .size(),
        0U
    );
    for (const char* list :
         {"/v1/backfills",
          "/v1/assets",
          "/v1/pools",
          "/v1/events",
          "/v1/status?by=asset",
          "/v1/status?by=tenant"}) {
        const auto answer = ask(read, "GET", list);
        EXPECT_EQ(answer.status, 200) << list << answer.reply.body;
        for (const char* word : {"bigco", "ledger"}) {
            EXPECT_EQ(answer.reply.body.find(word), std::string::npos) << list;
        }
    }
    // A group over both tenants: its own job alone.
    apply(definitions("acme", "shared_asset"));
    apply(definitions("bigco", "shared_asset"));
    const auto group = ask(
        kRoot,
        "POST",
        "/v1/backfills",
        R"({"asset":"shared_asset","tenants":["acme","bigco"],"selection":{"keys":["2024-01-05"]}})"
    );
    ASSERT_EQ(group.status, 200) << group.reply.body;
    const auto in_group = ask(read, "GET", "/v1/backfills?group=" + group.text("group_id"));
    ASSERT_EQ(in_group.json.at("items").as_array().size(), 1U) << in_group.reply.body;
    EXPECT_EQ(in_group.item(0).at("tenant_id").as_string(), "acme");
}

// Once all has run, so that there are durations to go by, the two jobs compete.
TEST_F(Tenants, ADryRunTellsOfDelaysOfTheCallersTenantAlone) {
    TestExecutor(server_, "x2", 1, bearer("fleet-secret"), 10'000'000).work();
    start("bigco", "ledger", R"("start":"2024-01-21")");
    const std::string planned =
        R"({"asset":"orders","selection":{"start":"2024-01-21"},"dry_run":true})";
    const auto seen = ask(kRoot, "POST", "/v1/tenants/acme/backfills", planned);
    ASSERT_EQ(seen.status, 200) << seen.reply.body;
    const auto& delays = seen.json.at("preview").at("delays").as_array();
    ASSERT_EQ(delays.size(), 1U) << seen.reply.body;
    EXPECT_EQ(delays.at(0).at("tenant_id"), "bigco");
    const auto own = ask(tokens_["tenant-admin"], "POST", "/v1/backfills", planned);
    ASSERT_EQ(own.status, 200) << own.reply.body;
    EXPECT_TRUE(own.json.at("preview").at("delays").as_array().empty()) << own.reply.body;
}

// Nothing of a foreign tenant's definitions is looked up, so nothing of them is suggested.
TEST_F(Tenants, AFileForAnotherTenantIsRefusedWhateverItNames) {
    const std::string head =
        "version: 1\ntenant: bigco\nassets:\n  more:\n    partitions: { every: day, start: "
        "2024-01-01 }\n    run: { command: [\"true\"] }\n";
    for (const char* names :
         {"    upstream: { ledgr: { mapping: same } }\n",
          "    upstream: { ledger: { mapping: same } }\n",
          "    pools: [ledger_pol]\n"}) {
        api::ApplyRequest request;
        request.files.push_back({"servo.yaml", head + names, "/srv/code"});
        const std::string body = api::to_text(to_json(request));
        const auto refused = ask(tokens_["tenant-admin"], "POST", "/v1/apply", body);
        EXPECT_EQ(refused.status, 403) << refused.reply.body;
        EXPECT_EQ(refused.reason(), "foreign_tenant");
        EXPECT_EQ(refused.reply.body.find("ledger"), std::string::npos) << refused.reply.body;
    }
}

// Unless an admin names it.
TEST_F(Tenants, ATenantsPoolIsCheckedByNoOtherTenantsExecutor) {
    ASSERT_EQ(ask(kRoot, "POST", "/v1/executors/drain", R"({"executors":["x1"]})").status, 200);
    const auto joined =
        ask(tokens_["executor"],
            "POST",
            "/v1/executor/register",
            R"({"executor":"acme-1","session":9,"slots":8})");
    ASSERT_EQ(joined.status, 200) << joined.reply.body;
    const auto unasked =
        ask(kRoot,
            "POST",
            "/v1/tenants/bigco/pools/ledger_pool/check",
            R"({"url":"http://127.0.0.1:9/","timeout_ms":1})");
    EXPECT_EQ(unasked.reason(), "no_executor_up") << unasked.reply.body;
}

TEST_F(Tenants, APoolCheckTellsNobodyToTypeWhatOnlyAnAdminMay) {
    const std::string path = "/v1/tenants/acme/pools/orders_pool/check";
    const auto told = [&](const std::string& token) {
        const auto answer = ask(token, "POST", path, "{}");
        EXPECT_EQ(answer.reason(), "no_endpoints") << answer.reply.body;
        return answer.text("detail");
    };
    EXPECT_NE(told(kRoot).find("--url"), std::string::npos);
    EXPECT_EQ(told(tokens_["tenant-admin"]).find("--url"), std::string::npos);
}

TEST_F(Tenants, ARevokedTokenEndsAtOnceAndARotatedOneAfterTheOverlap) {
    const std::string& write = tokens_["tenant-admin"];
    const std::string id = write.substr(std::string("svo_tenant_").size(), 12);
    ASSERT_EQ(ask(write, "GET", "/v1/assets").status, 200);
    const auto rotated = ask(kRoot, "POST", "/v1/tokens/" + id + "/rotate", R"({"overlap":"1h"})");
    ASSERT_EQ(rotated.status, 200) << rotated.reply.body;
    EXPECT_EQ(ask(write, "GET", "/v1/assets").status, 200) << "good for the overlap";
    EXPECT_EQ(ask(rotated.text("text"), "GET", "/v1/assets").status, 200);
    EXPECT_EQ(ask(kRoot, "POST", "/v1/tokens/" + id + "/revoke", "{}").status, 200);
    const auto ended = ask(write, "GET", "/v1/assets");
    EXPECT_EQ(ended.status, 401);
    EXPECT_EQ(ended.reason(), "token_revoked");
    EXPECT_EQ(ended.reply.header("WWW-Authenticate"), "Bearer");
}

// What the store says is what counts, whoever wrote it: another node's revocation holds here, too.
TEST_F(Tenants, ARevocationInTheStoreIsSeenWithoutBeingTold) {
    const std::string& read = tokens_["tenant-read"];
    auto tokens = server_.store().within(store::TenantScope::all())->tokens();
    ASSERT_TRUE(tokens);
    TokenBook book(server_.store());
    ASSERT_TRUE(book.start());
    const std::string id = read.substr(std::string("svo_read_").size(), 12);
    ASSERT_TRUE(book.table()->by_id.at(id).row.live(instant_ms(0)));
    ASSERT_EQ(ask(kRoot, "POST", "/v1/tokens/" + id + "/revoke", "{}").status, 200);
    while (book.table()->by_id.at(id).row.revoked_at == kNever) {
        std::this_thread::yield();  // ends by itself, or the test's time-out says it does not
    }
}

TEST_F(Tenants, SecretsAreShownOnceAndNowhereElse) {
    std::vector<std::string> secrets;
    for (const auto& [role, token] : tokens_) {
        secrets.push_back(token.substr(token.rfind('_') + 1, 52));
    }
    std::string seen;
    for (const char* target : {"/v1/tokens", "/v1/events?limit=500", "/v1/status", "/v1/tenants"}) {
        seen += ask(kRoot, "GET", target).reply.body;
    }
    const auto stored = server_.store().within(store::TenantScope::all())->tokens();
    ASSERT_TRUE(stored);
    for (const store::StoredToken& token : *stored) {
        seen += token.row.secret_sha256 + token.row.note;
    }
    ASSERT_NE(seen.find("token.created"), std::string::npos);
    for (const std::string& secret : secrets) {
        EXPECT_EQ(seen.find(secret), std::string::npos);
    }
}

TEST_F(Tenants, EveryChangeSaysWhoMadeIt) {
    const std::string& write = tokens_["tenant-admin"];
    const std::string id = write.substr(std::string("svo_tenant_").size(), 12);
    const auto paused = server_.call(
        "POST",
        "/v1/backfills/" + jobs_["acme"] + "/pause",
        "{}",
        bearer(write) + "Servo-Actor: ann\r\n"
    );
    ASSERT_EQ(paused.status, 200) << paused.reply.body;
    const auto events = ask(write, "GET", "/v1/events");
    EXPECT_EQ(events.item(0).at("kind").as_string(), "backfill.paused");
    EXPECT_EQ(events.item(0).at("actor").as_string(), "ann/" + id);
}

TEST_F(Tenants, ATokenThatAsksTooOftenIsToldToWait) {
    const std::string& read = tokens_["tenant-read"];
    TestConnection connection(server_.port());
    TestReply reply;
    // More than what fills up again while they are sent, on any machine that runs the suite.
    for (int i = 0; i < 20'000 && reply.status != 429; ++i) {
        connection.send(request_text("GET", "/version", "", bearer(read)));
        reply = connection.read_reply();
    }
    EXPECT_EQ(reply.status, 429) << reply.body;
    EXPECT_EQ(reply.header("Retry-After"), "1");
    EXPECT_NE(reply.body.find("rate_limited"), std::string::npos);
    EXPECT_EQ(ask(kRoot, "GET", "/version").status, 200) << "the others are not held back";
}

TEST_F(Tenants, AnExecutorOfOneTenantLearnsNothingOfAnother) {
    const std::string& token = tokens_["executor"];
    const auto joined =
        ask(token, "POST", "/v1/executor/register", R"({"executor":"acme-1","session":9,"slots":8})"
        );
    ASSERT_EQ(joined.status, 200) << joined.reply.body;
    const auto report =
        ask(token, "POST", "/v1/executor/report", R"({"session":9,"call":1,"ack":0,"free_slots":8})"
        );
    ASSERT_EQ(report.status, 200) << report.reply.body;
    EXPECT_FALSE(report.json.at("grants").as_array().empty());
    EXPECT_EQ(report.reply.body.find("bigco"), std::string::npos);
    // The fleet's session, by its number.
    const auto stolen = ask(
        token, "POST", "/v1/executor/report", R"({"session":77,"call":1,"ack":0,"free_slots":1})"
    );
    EXPECT_EQ(stolen.reason(), "unknown_session");
    const auto taken =
        ask(token, "POST", "/v1/executor/register", R"({"executor":"x1","session":10,"slots":1})");
    EXPECT_EQ(taken.reason(), "executor_name_taken");
}

// Each call within a session × one of the caller's own, of another token, of nobody.
TEST_F(Tenants, SessionOfAnotherTokenIsNoneOnEveryRoute) {
    const std::vector<std::pair<std::string_view, std::string>> bodies = {
        {"executor_acquire", R"({"session":{thing},"call":1,"ack":0,"free_slots":1})"},
        {"executor_report", R"({"session":{thing},"call":1,"ack":0,"free_slots":1})"},
        {"executor_logs", R"({"session":{thing},"chunks":[]})"},
        {"executor_health", R"({"session":{thing},"health":{"pid":1}})"},
    };
    for (const api::Route& route : api::routes()) {
        if (route.role == api::Role::kExecutor && route.id != "executor_register") {
            EXPECT_TRUE(std::any_of(
                bodies.begin(), bodies.end(), [&](const auto& row) { return row.first == route.id; }
            )) << route.id
               << " needs a row";
        }
    }
    const std::string& token = tokens_["executor"];
    ASSERT_EQ(
        ask(token, "POST", "/v1/executor/register", R"({"executor":"acme-1","session":9,"slots":8})"
        )
            .status,
        200
    );
    for (const auto& [id, body] : bodies) {
        const std::string path(api::route(id).path);
        EXPECT_EQ(ask(token, "POST", path, put(body, "77")).reason(), "unknown_session") << id;
        EXPECT_EQ(ask(token, "POST", path, put(body, "78")).reason(), "unknown_session") << id;
        const auto own = ask(token, "POST", path, put(body, "9"));
        EXPECT_EQ(own.status, 200) << id << " " << own.reply.body;
    }
}

TEST_F(Tenants, ATokenDoesNotMakeATenantByASlip) {
    const auto create = [&](const std::string& body) {
        return ask(kRoot, "POST", "/v1/tokens", body);
    };
    const auto slip = create(R"({"role":"tenant-read","tenant":"acne"})");
    EXPECT_EQ(slip.status, 404);
    EXPECT_EQ(slip.reason(), "no_such_tenant");
    const std::string detail = slip.text("detail");
    EXPECT_NE(detail.find("Did you mean \"acme\"?"), std::string::npos) << detail;
    EXPECT_NE(detail.find("--new-tenant"), std::string::npos) << detail;
    EXPECT_EQ(ask(kRoot, "GET", "/v1/tenants/acne").status, 404);
    EXPECT_EQ(create(R"({"role":"executor","tenant":""})").reason(), "bad_body");
    EXPECT_EQ(create(R"({"role":"executor","new_tenant":true})").reason(), "token_needs_tenant");
    const auto meant = create(R"({"role":"tenant-read","tenant":"newco","new_tenant":true})");
    EXPECT_EQ(meant.status, 200) << meant.reply.body;
    EXPECT_EQ(meant.json.at("token").at("tenant_id"), "newco");
    EXPECT_EQ(ask(kRoot, "GET", "/v1/tenants/newco").status, 200);
}

TEST_F(Tenants, ExecutorTokenIsGoodForItsLabelsAlone) {
    const auto made =
        ask(kRoot, "POST", "/v1/tokens", R"({"role":"executor","labels":{"zone":"eu"}})");
    ASSERT_EQ(made.status, 200) << made.reply.body;
    EXPECT_EQ(made.json.at("token").at("labels").at("zone").as_string(), "eu");
    const auto join = [&](const std::string& labels) {
        return ask(
            made.text("text"),
            "POST",
            "/v1/executor/register",
            R"({"executor":"e","session":9,"slots":1,"labels":)" + labels + "}"
        );
    };
    const auto refused = join(R"({"zone":"us"})");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.reason(), "label_not_allowed");
    EXPECT_EQ(join(R"({"zone":"eu"})").status, 200);
    const auto wrong =
        ask(kRoot, "POST", "/v1/tokens", R"({"role":"metrics","labels":{"zone":"eu"}})");
    EXPECT_EQ(wrong.reason(), "token_has_no_labels");
}

}  // namespace
}  // namespace servo::server
