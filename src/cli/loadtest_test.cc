// servo loadtest: what it refuses before anything is started or asked. tests/e2e runs it.
#include <fstream>

#include "cli/cli_harness.h"

namespace servo::cli {
namespace {

TEST(Loadtest, ChecksBeforeItStartsAnything) {
    for (const auto& [line, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"loadtest", "--tenants", "0"}, "from 1 to 100"},
             {{"loadtest", "--executors", "1,two"}, "not \"1,two\""},
             {{"loadtest", "--executors", "1,1"}, "--executors: 1 is there twice"},
             {{"loadtest", "--duration-shape", "lognorml"}, "Did you mean \"lognormal\"?"},
             {{"loadtest", "--duration-shape", "uniform", "--duration-spread", "200"},
              "--duration-spread: must be a whole number from 0 to 100"},
             {{"loadtest", "--expect-executors", "4", "--slots", "2"}, "are of local ones"},
             {{"loadtest", "--clean", "--slots", "2"}, "--clean measures nothing"},
             {{"loadtest", "--expect-executors", "4", "--html", "/no/such/x.html"},
              "Cannot write /no/"},
             {{"loadtest", "--expect-executors", "4", "--html", "-", "-o", "json"},
              "--html - and -o both"},
             {{"loadtest", "--scenario", testing::TempDir()}, "is a folder"},
             {{"loadtest", "--scenario", "/no/such/file"}, "/no/such/file"}}) {
        Shell shell;
        const Outcome outcome = shell.run(line);
        EXPECT_NE(outcome.code, 0);
        EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
        EXPECT_TRUE(shell.server.asked.empty());
    }
}

TEST(Loadtest, AScenarioFilesProblemsHaveTheirLinesAndAreSaidOnce) {
    const std::string file = testing::TempDir() + "load_scenario.yaml";
    const auto refused = [&file](const std::string& text) {
        std::ofstream(file) << text;
        Shell shell;
        const Outcome outcome = shell.run({"loadtest", "--scenario", file});
        EXPECT_EQ(outcome.code, 2) << outcome.err;
        return outcome.err;
    };
    EXPECT_EQ(
        refused("slots: 2\nwindow: 3x\ntenants: 0\n"),
        "servo: " + file +
            ": line 3: tenants: Must be a whole number from 1 to 100, not \"0\".\n"
            "  line 2: window: Must be a duration from 1s to 1h, not \"3x\".\n"
    );
    EXPECT_EQ(
        refused("slots: 2\nexecutors: 0\n"),
        "servo: " + file +
            ": line 2: executors: must be whole numbers from 1 to 64 separated by commas, such as "
            "1,2,4; not \"0\".\n"
    );
    EXPECT_EQ(
        refused("slot: 2\nwindw: 3s\n"),
        "servo: " + file +
            ": line 1: slot: There is no option \"slot\". Did you mean \"slots\"?\n"
            "  line 2: windw: There is no option \"windw\". Did you mean \"window\"?\n"
    );
}

TEST(Loadtest, NothingIsMadeWhereExecutorsAreMissing) {
    Shell shell;
    shell.server.answer("GET /v1/tenants", R"({"items":[]})");
    shell.server.answer("GET /v1/status", "{}");
    shell.server.answer("GET /v1/backfills", R"({"items":[]})");
    shell.server.answer("GET /v1/executors", R"({"items":[{"name":"e1","state":"up"}]})");
    const Outcome outcome = shell.run({"loadtest", "--expect-executors", "3", "--yes"});
    EXPECT_EQ(outcome.code, 7) << outcome.err;
    EXPECT_NE(outcome.err.find("1 executor is up and in service, not 3"), std::string::npos)
        << outcome.err;
    EXPECT_EQ(outcome.err.find("left there"), std::string::npos) << outcome.err;
    for (const Asked& asked : shell.server.asked) {
        EXPECT_EQ(asked.method, "GET") << asked.target;
    }
}

TEST(Loadtest, ARunningServerIsAskedAbout) {
    Shell shell;
    const Outcome outcome = shell.run({"loadtest", "--expect-executors", "4"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("add --yes"), std::string::npos) << outcome.err;
    EXPECT_TRUE(shell.server.asked.empty());
}

std::string of_load_test(
    const std::string& tenant, const std::string& state, const std::string& more = ""
) {
    return R"({"id":"bf_)" + tenant + R"(","tenant_id":")" + tenant + R"(","state":")" + state +
           "\"" + more + "}";
}
std::string running(const std::string& tenant) {
    return of_load_test(tenant, "running");
}
std::string page_of(const std::string& items) {
    return R"({"items":[)" + items + "]}";
}
const std::string kUrl = "http://127.0.0.1:7500";
const std::string kLately = R"(,"created_at":"2023-12-31T23:59:58Z","running_partitions":3)";
const std::string kLongAgo = R"(,"created_at":"2023-12-31T20:00:00Z")";

TEST(Loadtest, AnotherThatIsOpenThereIsToldWithTheCommandThatTakesItAway) {
    for (const auto& [more, said] : std::map<std::string, std::string>{
             {kLately, "seems to run there: 1 open backfill of tenants loadtest-…, the last"},
             {kLongAgo, "was broken off there: 1 open backfill of tenants"}}) {
        Shell shell;
        shell.server.answer("GET /v1/tenants", page_of(""));
        shell.server.answer("GET /v1/status", R"({"as_of":"2024-01-01T00:00:00Z"})");
        shell.server.answer(
            "GET /v1/backfills", page_of(of_load_test("loadtest-1", "running", more))
        );
        const Outcome outcome = shell.run(
            {"loadtest", "--expect-executors", "3", "--yes", "--server", kUrl, "--ca-file", "a b"}
        );
        EXPECT_EQ(outcome.code, 4) << outcome.err;
        EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
        EXPECT_NE(
            outcome.err.find("servo loadtest --clean --server " + kUrl + " --ca-file 'a b'\n"),
            std::string::npos
        ) << outcome.err;
    }
}

// The work has ended early, as if it had run out.
TEST(Loadtest, OneWhoseBackfillsSomebodyElseCancelledFails) {
    Shell shell;
    shell.server.answer("GET /v1/tenants", page_of(""));
    shell.server.answer("GET /v1/status", R"({"slots":1,"slots_busy":1})");
    shell.server.answer("GET /v1/executors", page_of(R"({"name":"e1","state":"up","slots":1})"));
    shell.server.answer("POST /v1/apply", R"({"changed":true,"assets":[],"pools":[]})");
    shell.server.answer("PATCH /v1/tenants/loadtest-1", R"({"changed":true})");
    shell.server.answer(
        "POST /v1/backfills",
        R"({"id":"bf_loadtest-1","items":[{"id":"bf_loadtest-1","tenant_id":"loadtest-1"}]})",
        201
    );
    // Nothing is open before; both edges of the window and the claims are read, and then it looks
    // for who cancelled them.
    shell.server.answer("GET /v1/backfills", page_of(""));
    const std::string gone = page_of(of_load_test(
        "loadtest-1",
        "cancelled",
        R"(,"state_by":"ann","completed_partitions":7,"completed_at":"2024-01-01T00:00:00Z")"
    ));
    for (int reading = 0; reading < 4; ++reading) {
        shell.server.answer("GET /v1/backfills", gone);
    }
    shell.server.answer("GET /v1/backfills", page_of(""));
    const Outcome outcome = shell.run(
        {"loadtest",
         "--expect-executors",
         "1",
         "--yes",
         "--tenants",
         "1",
         "--jobs",
         "1",
         "--warmup",
         "0s",
         "--window",
         "1s",
         "--probes-per-second",
         "0"}
    );
    EXPECT_EQ(outcome.code, 4) << outcome.err;
    EXPECT_NE(outcome.err.find("Somebody else cancelled"), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("(bf_loadtest-1, by ann)"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
}

// Its backfills, assets and overrides, and nobody else's.
TEST(Loadtest, CleanTakesAwayWhatABrokenOneLeft) {
    Shell shell;
    const std::string open = R"({"items":[)" + running("loadtest-2") + "," + running("acme") + "]}";
    for (const std::string& body : {open, open, std::string(R"({"items":[]})")}) {
        shell.server.answer("GET /v1/backfills", body);
    }
    shell.server.answer("POST /v1/backfills/bf_loadtest-2/cancel", R"({"items":[]})");
    shell.server.answer(
        "GET /v1/tenants",
        R"({"items":[{"name":"acme","override":{"by":"ann"}},{"name":"loadtest-1"},
                     {"name":"loadtest-2","override":{"by":"ann"}},{"name":"loadtest-eu"}]})"
    );
    shell.server.answer(
        "GET /v1/assets", R"({"items":[{"name":"loadtest-class-1"},{"name":"own"}]})"
    );
    shell.server.answer("GET /v1/assets", R"({"items":[{"name":"loadtest-probe"}]})");
    for (const char* changed :
         {"assets/loadtest-class-1", "assets/loadtest-probe", "tenants/loadtest-2"}) {
        shell.server.answer(std::string("PATCH /v1/") + changed, R"({"changed":true})");
    }
    const Outcome outcome =
        shell.run({"loadtest", "--clean", "--server", "http://127.0.0.1:7420", "--yes"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("left there"), std::string::npos) << outcome.err;
    std::vector<std::string> changes;
    for (const Asked& asked : shell.server.asked) {
        if (asked.method != "GET") {
            changes.push_back(asked.method + " " + asked.target);
        }
    }
    EXPECT_EQ(
        changes,
        (std::vector<std::string>{
            "POST /v1/backfills/bf_loadtest-2/cancel",
            "PATCH /v1/assets/loadtest-class-1?tenant=loadtest-1",
            "PATCH /v1/assets/loadtest-probe?tenant=loadtest-2",
            "PATCH /v1/tenants/loadtest-2"})
    );
}

TEST(Loadtest, CleanSaysThatThereWasNothing) {
    Shell shell;
    shell.server.answer("GET /v1/backfills", R"({"items":[]})");
    shell.server.answer("GET /v1/tenants", R"({"items":[{"name":"acme"}]})");
    const Outcome outcome = shell.run({"loadtest", "--clean", "--server", "http://127.0.0.1:7420"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("no load test has left anything"), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find("left there"), std::string::npos) << outcome.err;
}

TEST(Loadtest, CleanIsToldWhichServer) {
    Shell shell;
    const Outcome outcome = shell.run({"loadtest", "--clean", "--yes"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("--server URL"), std::string::npos) << outcome.err;
    EXPECT_TRUE(shell.server.asked.empty());
}

TEST(Loadtest, CleanAsksWhereSomethingIsOpen) {
    Shell shell;
    shell.server.answer("GET /v1/backfills", R"({"items":[)" + running("loadtest-1") + "]}");
    const Outcome outcome = shell.run({"loadtest", "--clean", "--server", "http://127.0.0.1:7420"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("This cancels 1 open backfill of"), std::string::npos)
        << outcome.err;
}

TEST(Loadtest, CleanSaysThatALoadTestMayBeUnderWay) {
    Shell shell;
    shell.terminal = true;
    shell.input = "n\n";
    shell.server.answer(
        "GET /v1/backfills", page_of(of_load_test("loadtest-1", "running", kLately))
    );
    const Outcome outcome = shell.run({"loadtest", "--clean", "--server", kUrl});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_NE(outcome.err.find("A load test seems to run there: 1 open"), std::string::npos)
        << outcome.err;
    EXPECT_NE(outcome.err.find("3 partitions run. This cancels"), std::string::npos) << outcome.err;
    EXPECT_EQ(shell.server.asked.size(), 1U);
}

}  // namespace
}  // namespace servo::cli
