// Apply, partitions, levers and contexts.
#include <filesystem>
#include <fstream>

#include "api/json.h"
#include "cli/cli_harness.h"

namespace servo::cli {
namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "servo-cli-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~Folder() { fs::remove_all(path); }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path / name) << text;
        return (path / name).string();
    }
    fs::path path;
};

const std::string kApplied =
    R"({"changed":true,"pools":[{"name":"warehouse","action":"unchanged"},{"name":"api",
         "action":"changed","changes":[{"field":"concurrency","before":"8","after":"9"}]}],"assets":[
        {"tenant_id":"default","name":"orders","action":"changed","revision":2,
         "changes":[{"field":"timeout","before":"10m","after":"1h"}]},
        {"tenant_id":"default","name":"old","action":"archived","revision":0}]})";

TEST(Apply, SendsFilesWithTheirFoldersAndTellsWhatChanged) {
    Folder folder;
    folder.write("b.yaml", "version: 1 # b\n");
    folder.write("a.yml", "version: 1 # a\n");
    folder.write("notes.txt", "nothing\n");
    Shell shell;
    shell.server.answer("POST /v1/apply", kApplied);
    const Outcome outcome = shell.run({"apply", "-f", folder.path.string()});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    for (const char* said :
         {"~ asset orders of default changed, revision 2",
          "~ timeout: 10m → 1h",
          "~ pool api (shared) changed\n    ~ concurrency: 8 → 9",
          "1 definition unchanged"}) {
        EXPECT_NE(outcome.out.find(said), std::string::npos) << outcome.out;
    }
    const auto body = *api::parse_json(shell.server.asked[0].body);
    ASSERT_EQ(body.at("files").as_array().size(), 2U);
    EXPECT_EQ(body.at("files").at(0).at("text").as_string(), "version: 1 # a\n");
    EXPECT_EQ(body.at("files").at(0).at("code_dir").as_string(), folder.path.string());
}

TEST(Apply, DryRunExitsWithOneWhenSomethingWouldChange) {
    Shell shell;
    shell.input = "version: 1\n";
    shell.server.answer("POST /v1/apply", kApplied);
    EXPECT_EQ(shell.run({"apply", "-f", "-", "--dry-run"}).code, 1);
    Shell calm;
    calm.input = "version: 1\n";
    calm.server.answer("POST /v1/apply", R"({"changed":false,"assets":[],"pools":[]})");
    EXPECT_EQ(calm.run({"apply", "-f", "-", "--dry-run"}).code, 0);
}

TEST(Apply, PruneIsConfirmed) {
    Shell shell;
    shell.input = "version: 1\n";
    shell.server.answer("POST /v1/apply", kApplied);
    const Outcome outcome = shell.run({"apply", "-f", "-", "--prune"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("old of default"), std::string::npos);
    ASSERT_EQ(shell.server.asked.size(), 1U);
    EXPECT_TRUE(api::parse_json(shell.server.asked[0].body)->at("dry_run").as_bool());
    EXPECT_EQ(shell.run({"apply", "-f", "-", "--prune", "--yes"}).code, 0);
}

TEST(Apply, AFileThatIsNotUtf8IsNamedWithItsLine) {
    Shell shell;
    shell.input = "version: 1\n# caf\xe9\n";
    const Outcome outcome = shell.run({"apply", "-f", "-"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("stdin:2: this line is not UTF-8"), std::string::npos)
        << outcome.err;
    EXPECT_TRUE(shell.server.asked.empty());
}

TEST(Token, TheListShowsLabels) {
    Shell shell;
    shell.server.answer(
        "GET /v1/tokens",
        R"({"items":[{"id":"k3","role":"executor","state":"active","labels":{"zone":"eu"},
            "created_at":"2023-12-31T23:00:00Z","created_by":"ann","note":"fleet"}]})"
    );
    EXPECT_NE(shell.run({"token", "list"}).out.find("zone=eu"), std::string::npos);
    const Outcome none = shell.run({"token", "list", "--tenant", "acme"});
    EXPECT_EQ(none.out.find("k3"), std::string::npos);
    EXPECT_NE(none.err.find("no tokens of tenant acme"), std::string::npos) << none.err;
}

TEST(Token, ANewTenantIsSaid) {
    Shell shell;
    shell.server.answer(
        "POST /v1/tokens",
        R"({"text":"t","token":{"id":"k3","role":"tenant-read","state":"active","tenant_id":"acme",
            "created_at":"2023-12-31T23:00:00Z","created_by":"ann"}})"
    );
    const std::vector<std::string> line = {
        "token", "create", "--role", "tenant-read", "--tenant", "acme"};
    EXPECT_EQ(shell.run(line).code, 0);
    std::vector<std::string> by_name = line;
    by_name.insert(by_name.end(), {"-o", "name"});
    EXPECT_EQ(shell.run(by_name).out, "t\n");  // it is never shown again
    std::vector<std::string> meant = line;
    meant.emplace_back("--new-tenant");
    EXPECT_EQ(shell.run(meant).code, 0);
    EXPECT_FALSE(api::parse_json(shell.server.asked.at(0).body)->at("new_tenant").as_bool());
    EXPECT_TRUE(api::parse_json(shell.server.asked.at(2).body)->at("new_tenant").as_bool());
}

TEST(Apply, AMissingFileIsNamed) {
    Shell shell;
    const Outcome outcome = shell.run({"apply", "-f", "nowhere.yaml"});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_NE(outcome.err.find("nowhere.yaml"), std::string::npos);
    EXPECT_EQ(shell.run({"apply"}).code, 2);
}

TEST(Init, WritesFilesOnceAndSaysWhatToType) {
    Folder folder;
    Shell shell;
    const std::string target = (folder.path / "new").string();
    Outcome outcome = shell.run({"init", target});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_TRUE(fs::exists(folder.path / "new" / "servo.yaml"));
    EXPECT_NE(outcome.err.find("servo dev -f"), std::string::npos);
    outcome = shell.run({"init", target});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_EQ(shell.run({"init", target, "--force"}).code, 0);
}

TEST(Partition, ListHasNamesAndACalendar) {
    Shell shell;
    shell.server.answer(
        "GET /v1/assets/orders/partitions", R"({"items":[
        {"key":"2024-01-01","status":"completed","start":"2024-01-01T00:00:00Z"},
        {"key":"2024-01-03","status":"failed","start":"2024-01-03T00:00:00Z","failure_class":"data"}]})"
    );
    EXPECT_EQ(
        shell
            .run(
                {"partition",
                 "list",
                 "orders",
                 "--status",
                 "failed",
                 "--class",
                 "data",
                 "-o",
                 "name"}
            )
            .out,
        "2024-01-01\n2024-01-03\n"
    );
    EXPECT_EQ(
        shell.server.asked[0].target,
        "/v1/assets/orders/partitions?status=failed&class=data&limit=50"
    );
    const Outcome outcome = shell.run({"partition", "list", "orders", "--calendar"});
    EXPECT_NE(outcome.out.find("2024-01  # F "), std::string::npos) << outcome.out;
}

TEST(Partition, RunFollowsAndReturnsItsOutcome) {
    // One that was cancelled leaves the partition as it was before.
    const std::vector<std::tuple<std::string, std::string, int>> cases = {
        {"completed", "completed", 0}, {"failed", "failed", 1}, {"completed", "cancelled", 9}};
    for (const auto& [status, state, code] : cases) {
        Shell shell;
        shell.server.answer(
            "GET /v1/backfills/bf_x",
            R"({"id":"bf_x","tenant_id":"default","asset_name":"orders","state":")" + state +
                R"("})"
        );
        shell.server.answer(
            "POST /v1/backfills", R"({"id":"bf_x","total_partitions":1,"items":[]})", 201
        );
        shell.server.answer(
            "GET /v1/assets/orders/partitions/2024-01-01",
            R"({"key":"2024-01-01","status":"pending"})"
        );
        shell.server.answer(
            "GET /v1/assets/orders/partitions/2024-01-01",
            R"({"key":"2024-01-01","status":"running"})"
        );
        shell.server.answer(
            "GET /v1/assets/orders/partitions/2024-01-01",
            R"({"key":"2024-01-01","status":")" + status + R"("})"
        );
        // Nothing is stored until the attempt has ended; what is live is printed before.
        shell.server.problem("GET /v1/assets/orders/partitions/2024-01-01/logs", 404, "not_found");
        shell.server.problem("GET /v1/assets/orders/partitions/2024-01-01/logs", 404, "not_found");
        shell.server.answer(
            "GET /v1/assets/orders/partitions/2024-01-01/logs",
            R"({"key":"2024-01-01","backfill_id":"bf_x","attempt":1,"generation":1,"bytes_total":12,"text":"hello\nworld\n"})"
        );
        shell.server.answer(
            "GET /v1/assets/orders/partitions/2024-01-01/logs/live",
            R"({"key":"2024-01-01","running":false})"
        );
        shell.server.answer(
            "GET /v1/assets/orders/partitions/2024-01-01/logs/live",
            R"({"key":"2024-01-01","running":true,"attempt":1,"generation":1,"stream":"7.0","known":true,"offset":0,"next_offset":6,"text":"hello\n"})"
        );
        const Outcome outcome = shell.run({"partition", "run", "orders", "2024-01-01"});
        EXPECT_EQ(outcome.code, code) << outcome.err;
        EXPECT_EQ(outcome.out, "hello\nworld\n");
        const auto body = *api::parse_json(shell.server.asked[0].body);
        EXPECT_EQ(body.at("reprocess").as_string(), "all");
        EXPECT_EQ(body.at("priority").as_int64(), 10);
    }
}

TEST(Partition, MarkAsksBeforeManyAndNeedsASelection) {
    Shell shell;
    shell.server.answer(
        "POST /v1/assets/orders/mark",
        R"({"tenant_id":"default","asset_name":"orders","as":"skipped","resolved":{"count":10001,"first_key":"a","last_key":"z"}})"
    );
    EXPECT_EQ(shell.run({"partition", "mark", "orders", "--as", "skipped"}).code, 2);
    EXPECT_TRUE(shell.server.asked.empty());
    EXPECT_EQ(
        shell.run({"partition", "mark", "orders", "--start", "2024-01-01", "--as", "skipped"}).code,
        2
    );
    EXPECT_EQ(shell.server.asked.size(), 1U);
    EXPECT_EQ(
        shell
            .run(
                {"partition", "mark", "orders", "--start", "2024-01-01", "--as", "skipped", "--yes"}
            )
            .code,
        0
    );
    EXPECT_FALSE(api::parse_json(shell.server.asked.back().body)->at("dry_run").as_bool());
}

TEST(Levers, SetNeedsAValueAndSendsReasonAndTime) {
    Shell shell;
    shell.server.answer("PATCH /v1/pools/warehouse", R"({"changed":true})");
    EXPECT_EQ(shell.run({"pool", "set", "warehouse"}).code, 2);
    EXPECT_EQ(shell.run({"pool", "set", "warehouse", "--concurrency", "x"}).code, 2);
    EXPECT_EQ(
        shell.run({"pool", "set", "warehouse", "--concurrency", "4", "--for", "soon"}).code, 2
    );
    EXPECT_TRUE(shell.server.asked.empty());
    const Outcome outcome = shell.run(
        {"pool", "set", "warehouse", "--concurrency", "4", "--for", "2h", "--reason", "night"}
    );
    EXPECT_EQ(outcome.out, "pool warehouse set\n");
    EXPECT_NE(outcome.err.find("server http://127.0.0.1:7420, tenant default"), std::string::npos);
    const auto body = *api::parse_json(shell.server.asked[0].body);
    EXPECT_EQ(body.at("concurrency").as_int64(), 4);
    EXPECT_EQ(body.at("for").as_string(), "2h");
}

TEST(Levers, ATenantsOverrideSaysWhichLimitsItChanges) {
    Shell shell;
    shell.server.answer(
        "GET /v1/tenants/acme",
        R"({"name":"acme","weight":200,"max_concurrency":4,"max_pending":1000,
            "override":{"by":"ann","reason":"month end","since":"2023-12-31T23:00:00Z"},
            "overridden":[{"field":"weight","before":"100","after":"200"},
                          {"field":"max_concurrency","before":"0","after":"4"}],
            "created_at":"2023-12-31T23:00:00Z"})"
    );
    const Outcome outcome = shell.run({"tenant", "show", "acme"});
    EXPECT_NE(
        outcome.out.find("weight 200 instead of 100, max concurrency 4 instead of none; by ann "
                         "since 2023-12-31 23:00:00Z: month end"),
        std::string::npos
    ) << outcome.out;
}

TEST(Levers, ATenantsOverrideThatChangesNothingSaysSo) {
    Shell shell;
    shell.server.answer("PATCH /v1/tenants/acme", R"({"changed":true})");
    shell.server.answer(
        "GET /v1/tenants/acme",
        R"({"name":"acme","weight":100,"override":{"by":"ann","since":"2023-12-31T23:00:00Z"},
            "overridden":[],"created_at":"2023-12-31T23:00:00Z"})"
    );
    const std::vector<std::string> set = {"tenant", "set", "acme", "--max-concurrency", "0"};
    const Outcome outcome = shell.run(set);
    EXPECT_NE(
        outcome.err.find("set: nothing that differs from the defaults; by ann since"),
        std::string::npos
    ) << outcome.err;
}

TEST(Levers, ATenantsChangeIsEchoedAsOfThatTenant) {
    for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
             {"tenant", "set", "bigco", "--weight", "2"}, {"tenant", "unset", "bigco"}}) {
        Shell shell;
        shell.variables["SERVO_TENANT"] = "acme";
        shell.server.answer("PATCH /v1/tenants/bigco", R"({"changed":true})");
        shell.server.answer("GET /v1/tenants/bigco", R"({"name":"bigco"})");
        const Outcome outcome = shell.run(line);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(outcome.err.rfind("server http://127.0.0.1:7420, tenant bigco\n", 0), 0U)
            << outcome.err;
    }
}

// One body behind all of them.
TEST(Levers, UnsetNamesItsThingAndKeepsTheReason) {
    for (const std::string noun : {"asset", "pool", "tenant"}) {
        Shell shell;
        const std::string path = "PATCH /v1/" + noun + "s/x";
        shell.server.answer(path, R"({"changed":true})");
        shell.server.answer(path, R"({"changed":false})");
        const Outcome outcome = shell.run({noun, "unset", "x", "--reason", "over"});
        EXPECT_EQ(outcome.out.rfind(noun + " x ", 0), 0U) << outcome.out;
        const auto body = *api::parse_json(shell.server.asked.at(0).body);
        EXPECT_TRUE(body.at("unset").as_bool());
        EXPECT_EQ(body.at("reason").as_string(), "over");
        EXPECT_EQ(shell.run({noun, "unset", "x"}).out, noun + " x: already so\n");
        const Outcome nothing = shell.run({noun, "set", "x"});
        EXPECT_EQ(nothing.code, 2);
        EXPECT_NE(nothing.err.find("servo " + noun + " set: nothing to set"), std::string::npos);
    }
}

TEST(Levers, DrainTakesNamesOrKeep) {
    Shell shell;
    shell.server.answer("POST /v1/executors/drain", R"({"items":[]})");
    EXPECT_EQ(shell.run({"executor", "drain"}).code, 2);
    EXPECT_EQ(shell.run({"executor", "drain", "a", "--keep", "3"}).code, 2);
    EXPECT_EQ(shell.run({"executor", "drain", "--keep", "3"}).code, 0);
    EXPECT_EQ(api::parse_json(shell.server.asked[0].body)->at("keep").as_int64(), 3);
}

std::string event_page(const std::string& details, const std::string& token) {
    std::string items;
    for (const char detail : details) {
        items += (items.empty() ? "" : ",") +
                 std::string(R"({"at":"2024-01-01T00:00:00Z","actor":"ann","kind":"pool.held",)") +
                 R"("subject":"warehouse","detail":")" + detail + "\"}";
    }
    return R"({"items":[)" + items + R"(],"next_page_token":)" +
           (token.empty() ? "null" : "\"" + token + "\"") + "}";
}

TEST(Events, AreCollectedFromPagesAndSayWhenThereAreMore) {
    Shell shell;
    shell.server.answer("GET /v1/events", event_page("dc", "place"));
    shell.server.answer("GET /v1/events", event_page("b", "further"));
    const Outcome some = shell.run({"events", "--limit", "3", "-o", "json"});
    EXPECT_EQ(some.code, 0) << some.err;
    const auto json = *api::parse_json(some.out);
    EXPECT_EQ(json.at("items").as_array().size(), 3U);
    EXPECT_EQ(json.at("next_page_token").as_string(), "further");
    EXPECT_NE(some.err.find("there are older ones"), std::string::npos) << some.err;
    ASSERT_EQ(shell.server.asked.size(), 2U);
    EXPECT_NE(shell.server.asked[0].target.find("limit=3"), std::string::npos);
    EXPECT_NE(shell.server.asked[1].target.find("limit=1"), std::string::npos);
    EXPECT_NE(shell.server.asked[1].target.find("page_token=place"), std::string::npos);

    Shell complete;
    complete.server.answer("GET /v1/events", event_page("ba", ""));
    const Outcome all = complete.run({"events", "--subject", "warehouse"});
    EXPECT_EQ(all.err, "");
    Shell calm;
    calm.server.answer("GET /v1/events", event_page("", ""));
    EXPECT_EQ(
        calm.run({"events", "--subject", "warehouse", "--since", "2h"}).err,
        "nothing happened to warehouse since 2h\n"
    );
}

TEST(Contexts, AreKeptUsedAndRemoved) {
    Folder folder;
    Shell shell;
    shell.variables["XDG_CONFIG_HOME"] = folder.path.string();
    shell.server.answer("GET /v1/pools", R"({"items":[]})");
    EXPECT_EQ(shell.run({"context", "set", "prod"}).code, 2);
    ASSERT_EQ(
        shell.run({"context", "set", "prod", "--server", "http://prod:7420", "--tenant", "acme"})
            .code,
        0
    );
    ASSERT_EQ(shell.run({"context", "set", "test", "--server", "http://test:7420"}).code, 0);
    shell.run({"pool", "list"});
    EXPECT_EQ(shell.server.server, "http://prod:7420");
    EXPECT_EQ(shell.server.asked.back().target, "/v1/pools?tenant=acme");
    shell.run({"pool", "list", "--context", "test"});
    EXPECT_EQ(shell.server.server, "http://test:7420");
    ASSERT_EQ(shell.run({"context", "use", "test"}).code, 0);
    EXPECT_EQ(shell.run({"context", "list", "-o", "name"}).out, "prod\ntest\n");
    const Outcome unknown = shell.run({"pool", "list", "--context", "prd"});
    EXPECT_EQ(unknown.code, 3);
    EXPECT_NE(unknown.err.find("Did you mean \"prod\"?"), std::string::npos);
    EXPECT_EQ(shell.run({"context", "remove", "prod"}).code, 0);
    EXPECT_EQ(shell.run({"context", "use", "prod"}).code, 3);
    folder.write("servo/contexts.json", "{");
    EXPECT_EQ(shell.run({"pool", "list"}).code, 2);
    EXPECT_EQ(shell.run({"pool", "list", "--context", "x"}).code, 2);
}

TEST(Contexts, ATokenComesFromItsFile) {
    Folder folder;
    Shell shell;
    shell.variables["XDG_CONFIG_HOME"] = folder.path.string();
    shell.server.answer("GET /v1/pools", R"({"items":[]})");
    const std::string token = folder.write("token", "from-file\n");
    shell.run({"context", "set", "prod", "--server", "http://prod:7420", "--token-file", token});
    shell.run({"pool", "list"});
    EXPECT_EQ(shell.server.token, "from-file");
    shell.variables["SERVO_TOKEN"] = "from-variable";
    shell.run({"pool", "list"});
    EXPECT_EQ(shell.server.token, "from-variable");
}

}  // namespace
}  // namespace servo::cli
