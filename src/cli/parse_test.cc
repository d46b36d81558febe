// Command lines: what is refused, what is answered, and with which exit code.
#include <boost/json/parse.hpp>
#include <fstream>

#include "cli/cli_harness.h"

namespace servo::cli {
namespace {

struct Refused {
    std::vector<std::string> line;
    std::string said;
};

TEST(Parse, MistypedWordsAreRefusedWithTheNearestName) {
    const std::vector<Refused> rows = {
        {{"bakfill", "list"}, "Did you mean \"backfill\"?"},
        {{"backfill", "lst"}, "Did you mean \"list\"?"},
        {{"backfill", "list", "--staus", "running"}, "Did you mean \"--status\"?"},
        {{"backfill", "list", "--tenat=a"}, "Did you mean \"--tenant\"?"},
        {{"backfill", "start", "orders", "--strat", "2024-01-01"}, "Did you mean \"--start\"?"},
        {{"backfill", "list", "surplus"}, "one word too many"},
        {{"backfill", "status"}, "id is required"},
        {{"backfill", "list", "-o", "jsn"}, "Did you mean \"json\"?"},
        {{"executor", "lst"}, "Did you mean \"list\"?"},
        {{"completion", "bsh"}, "Did you mean \"bash\"?"},
    };
    for (const Refused& row : rows) {
        Shell shell;
        const Outcome outcome = shell.run(row.line);
        EXPECT_EQ(outcome.code, 2) << row.said;
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find(row.said), std::string::npos) << outcome.err;
    }
}

// An unset variable of a script must not mean everything, for ever, or the usual tenant.
TEST(Parse, AnEmptyValueIsNotAnAbsentOne) {
    const std::vector<Refused> rows = {
        {{"report", "--since", ""}, "--since: the value is empty; give one, or leave it out."},
        {{"report", "--html", ""}, "--html: the value is empty"},
        {{"status", "--by", ""}, "--by: the value is empty"},
        {{"backfill", "list", "--status", ","}, "--status: the value is empty"},
        {{"backfill", "start", "orders", "--start", ""}, "--start: the value is empty"},
        {{"backfill", "start", "orders", "--partition", ""}, "--partition: the value is empty"},
        {{"backfill", "start", "orders", "--note", " "}, "--note: the value is empty"},
        {{"backfill", "set", "bf_0", "--priority", "3", "--for", ""}, "--for: the value is empty"},
        {{"backfill", "pause", ""}, "id: the value is empty"},
        {{"pool", "list", "--tenant", ""}, "--tenant: the value is empty"},
        {{"pool", "list", "-o", ""}, "--output: the value is empty"},
        {{"dev", "--data-dir", ""}, "--data-dir: the value is empty"},
        {{"pool", "--tenant=", "list"}, "--tenant= has no value; give it one, or leave it out."},
        {{"report", "--since=", "--html", "x"}, "--since= has no value"},
        {{"backfill", "start", "orders", "--note", "\xff"}, "--note: the value is not UTF-8 text."},
    };
    for (const Refused& row : rows) {
        Shell shell;
        const Outcome outcome = shell.run(row.line);
        EXPECT_EQ(outcome.code, 2) << row.said;
        EXPECT_NE(outcome.err.find(row.said), std::string::npos) << outcome.err;
        EXPECT_TRUE(shell.server.asked.empty()) << row.said;
    }
}

TEST(Parse, WhatIsNotBuiltYetIsKnown) {
    const std::vector<std::vector<std::string>> lines = {
        {"diagnose"},
        {"diagnose", "--since", "1h", "--tenant", "acme"},
        {"backfill", "start", "orders", "--canary", "5"},
        {"backfill", "start", "orders", "--what-if", "executors=8,priority=5"},
        {"backfill", "start", "orders", "--notify", "http://x"},
        {"backfill", "start", "orders", "--include-upstream"},
        {"backfill", "start", "orders", "--max-upstream-depth", "3"},
    };
    for (const auto& line : lines) {
        Shell shell;
        const Outcome outcome = shell.run(line);
        EXPECT_EQ(outcome.code, 2) << line.back();
        EXPECT_NE(outcome.err.find("is not in this version"), std::string::npos) << outcome.err;
        EXPECT_TRUE(shell.server.asked.empty());
    }
}

TEST(Parse, AGroupAloneShowsItsHelpAsAUsageError) {
    Shell shell;
    const Outcome outcome = shell.run({"backfill"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("Commands:"), std::string::npos);
    EXPECT_EQ(shell.run({}).code, 2);
}

TEST(Parse, HelpGoesToStdout) {
    Shell shell;
    for (const auto& line : std::vector<std::vector<std::string>>{
             {"--help"},
             {"backfill", "--help"},
             {"backfill", "start", "-h"},
             {"backfill", "start", "orders", "--help"}}) {
        const Outcome outcome = shell.run(line);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_NE(outcome.out.find("Examples:"), std::string::npos);
        EXPECT_EQ(outcome.err, "");
    }
}

TEST(Parse, OutputThatCannotBeWrittenIsAFailure) {
    Shell shell;
    shell.full_disk = true;
    for (const auto& line :
         std::vector<std::vector<std::string>>{{"--version"}, {"--help"}, {"completion", "bash"}}) {
        const Outcome outcome = shell.run(line);
        EXPECT_EQ(outcome.code, 1);
        EXPECT_NE(outcome.err.find("Standard output"), std::string::npos) << outcome.err;
    }
    EXPECT_EQ(shell.run({"backfil"}).code, 2);
}

TEST(Parse, FlagsOfEveryCommandStandAnywhere) {
    for (const auto& line : std::vector<std::vector<std::string>>{
             {"--tenant", "acme", "-o", "name", "pool", "list"},
             {"pool", "--tenant", "acme", "list", "-o", "name"},
             {"pool", "list", "--tenant=acme", "--output=name"}}) {
        Shell shell;
        shell.server.answer(
            "GET /v1/pools",
            R"({"items":[{"name":"warehouse","scope":"shared","breaker":"closed"}]})"
        );
        const Outcome outcome = shell.run(line);
        EXPECT_EQ(outcome.out, "warehouse\n") << outcome.err;
        EXPECT_EQ(shell.server.asked.at(0).target, "/v1/pools?tenant=acme");
    }
}

TEST(Parse, ANegativePriorityIsAValue) {
    Shell shell;
    shell.server.answer("PATCH /v1/backfills/grp_0000000000000000", R"({"items":[]})");
    const Outcome outcome = shell.run({"backfill", "set", "bf_", "--priority", "-5"});
    EXPECT_EQ(outcome.code, 2);  // for its id, not for its number
    EXPECT_EQ(outcome.err.find("priority"), std::string::npos) << outcome.err;
}

// --- exit codes ------------------------------------------------------------------------------

struct CodeRow {
    int status;
    std::string code;
    int exit;
};

TEST(ExitCodes, FollowTheProblemDocument) {
    const std::vector<CodeRow> rows = {
        {422, "invalid_argument", 2},
        {404, "not_found", 3},
        {409, "conflict", 4},
        {409, "already_exists", 4},
        {412, "failed_precondition", 4},
        {401, "unauthenticated", 5},
        {403, "permission_denied", 5},
        {503, "unavailable", 6},
        {429, "resource_exhausted", 6},
        {504, "deadline_exceeded", 7},
        {500, "internal", 1},
    };
    for (const CodeRow& row : rows) {
        Shell shell;
        shell.server.problem("GET /v1/assets/orders", row.status, row.code);
        const Outcome outcome = shell.run({"asset", "show", "orders"});
        EXPECT_EQ(outcome.code, row.exit) << row.code;
        EXPECT_EQ(outcome.out, "");
        EXPECT_NE(outcome.err.find("It was refused."), std::string::npos);
    }
}

TEST(ExitCodes, SixWhenNobodyAnswers) {
    Shell shell;
    shell.server.unreachable = true;
    EXPECT_EQ(shell.run({"status"}).code, 6);
}

TEST(ExitCodes, TenForASchemaThatIsTooNew) {
    Shell shell;
    shell.server.problem("GET /v1/status", 412, "failed_precondition", "schema_too_new");
    EXPECT_EQ(shell.run({"status"}).code, 10);
}

TEST(ExitCodes, FieldErrorsAreListed) {
    Shell shell;
    shell.server.answer(
        "POST /v1/apply",
        R"({"status":422,"code":"invalid_argument","reason":"invalid_asset_file","detail":"stdin is wrong.",
            "fields":[{"field":"assets.a.timout","line":4,"message":"Unknown key."}]})",
        422
    );
    shell.input = "version: 1\n";
    const Outcome outcome = shell.run({"apply", "-f", "-"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("line 4: assets.a.timout: Unknown key."), std::string::npos)
        << outcome.err;
}

// --- where the server is ---------------------------------------------------------------------

TEST(Connection, FlagBeforeVariableBeforeDefault) {
    Shell shell;
    shell.server.answer("GET /v1/pools", R"({"items":[]})");
    shell.run({"pool", "list"});
    EXPECT_EQ(shell.server.server, "http://127.0.0.1:7420");
    shell.variables = {{"SERVO_SERVER", "http://10.0.0.1:7420"}, {"SERVO_TOKEN", "secret"}};
    shell.run({"pool", "list"});
    EXPECT_EQ(shell.server.server, "http://10.0.0.1:7420");
    EXPECT_EQ(shell.server.token, "secret");
    shell.run({"pool", "list", "--server", "https://servo.example.com/"});
    EXPECT_EQ(shell.server.server, "https://servo.example.com");
    EXPECT_EQ(shell.run({"pool", "list", "--server", "nonsense"}).code, 2);
}

TEST(Connection, ATokenIsNeverShown) {
    Shell shell;
    shell.variables = {{"SERVO_TOKEN", "very-secret"}};
    const Outcome outcome = shell.run({"config", "view", "--show-origin"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("SERVO_TOKEN"), std::string::npos);
    EXPECT_EQ((outcome.out + outcome.err).find("very-secret"), std::string::npos);
}

TEST(ConfigView, AFolderIsNoConfigurationFile) {
    Shell shell;
    const Outcome outcome = shell.run({"config", "view", "--config", testing::TempDir()});
    EXPECT_EQ(outcome.code, 3);
    EXPECT_NE(outcome.err.find("is a folder"), std::string::npos) << outcome.err;
}

TEST(ConfigView, SaysWhereEachSettingWasTyped) {
    Shell shell;
    const std::string file = testing::TempDir() + "config_view_server.yaml";
    std::ofstream(file) << "slots: 3\n";
    shell.variables = {{"SERVO_TENANT", "acme"}, {"SERVO_LOG_LEVEL", "debug"}};
    const Outcome outcome = shell.run(
        {"config",
         "view",
         "--server",
         "http://x:7420",
         "--config",
         file,
         "--show-origin",
         "-o",
         "json"}
    );
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::map<std::string, std::string> seen;
    const boost::json::value listed = boost::json::parse(outcome.out);
    for (const auto& item : listed.at("items").as_array()) {
        const auto text = [&item](const char* name) {
            return std::string(item.at(name).as_string());
        };
        seen[text("setting")] = text("value") + "|" + text("from") + "|" + text("origin");
    }
    EXPECT_EQ(seen["server"], "http://x:7420|flag|--server");
    EXPECT_EQ(seen["tenant"], "acme|environment|SERVO_TENANT");
    EXPECT_EQ(seen["slots"], "3|file|" + file);
    EXPECT_EQ(seen["log_level"], "debug|environment|SERVO_LOG_LEVEL");
    EXPECT_EQ(seen["config_file"], file + "|flag|--config");
    EXPECT_EQ(seen["context"], "|default|");
    // The table has the column only when it is asked for.
    EXPECT_EQ(shell.run({"config", "view"}).out.find("ORIGIN"), std::string::npos);
    EXPECT_NE(
        shell.run({"config", "view", "--show-origin"}).out.find("SERVO_TENANT"), std::string::npos
    );
}

TEST(Completion, KnowsVerbsAndFlags) {
    for (const char* shell_name : {"bash", "zsh", "fish"}) {
        Shell shell;
        const Outcome outcome = shell.run({"completion", shell_name});
        EXPECT_EQ(outcome.code, 0);
        for (const char* word : {"backfill", "partition", "explain", "reprocess"}) {
            EXPECT_NE(outcome.out.find(word), std::string::npos) << shell_name << " " << word;
        }
    }
}

// What bash offers after the words of `line`, the last of which is being typed.
std::string offered(const std::string& line) {
    Shell shell;
    const std::string script = shell.run({"completion", "bash"}).out + "COMP_WORDS=(" + line +
                               ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_servo\n"
                               "echo \"${COMPREPLY[*]}\"\n";
    const std::string file = testing::TempDir() + "servo_completion.bash";
    std::ofstream(file) << script;
    FILE* bash = ::popen(("bash '" + file + "'").c_str(), "r");
    std::string out;
    for (int c = std::fgetc(bash); c != EOF; c = std::fgetc(bash)) {
        out += static_cast<char>(c);
    }
    EXPECT_EQ(::pclose(bash), 0) << line;
    return out;
}

TEST(Completion, AfterAFlagComesItsValue) {
    EXPECT_EQ(offered("servo backfill list -o js"), "json jsonl\n");
    EXPECT_EQ(offered("servo backfill start orders --reprocess ''"), "missing failed stale all\n");
    EXPECT_EQ(offered("servo apply --file ''"), "\n");  // then bash itself offers files
    EXPECT_EQ(offered("servo --server http://a backfill expl"), "explain\n");
    EXPECT_EQ(offered("servo backfill start orders --dry"), "--dry-run\n");
}

}  // namespace
}  // namespace servo::cli
