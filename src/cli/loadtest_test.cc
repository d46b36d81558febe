// servo loadtest: what it refuses before anything is started or asked. tests/e2e runs it.
#include "cli/cli_harness.h"

namespace servo::cli {
namespace {

TEST(Loadtest, ChecksBeforeItStartsAnything) {
    for (const auto& [line, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"loadtest", "--tenants", "0"}, "from 1 to 100"},
             {{"loadtest", "--executors", "1,two"}, "not \"1,two\""},
             {{"loadtest", "--duration-shape", "lognorml"}, "Did you mean \"lognormal\"?"},
             {{"loadtest", "--expect-executors", "4", "--slots", "2"}, "are of local ones"},
             {{"loadtest", "--scenario", "/no/such/file"}, "/no/such/file"}}) {
        Shell shell;
        const Outcome outcome = shell.run(line);
        EXPECT_NE(outcome.code, 0);
        EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
        EXPECT_TRUE(shell.server.asked.empty());
    }
}

TEST(Loadtest, ARunningServerIsAskedAbout) {
    Shell shell;
    const Outcome outcome = shell.run({"loadtest", "--expect-executors", "4"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find("add --yes"), std::string::npos) << outcome.err;
    EXPECT_TRUE(shell.server.asked.empty());
}

}  // namespace
}  // namespace servo::cli
