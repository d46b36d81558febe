// The tables of docs/reference say what the tables in the code say.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/error.h"
#include "base/golden_test_support.h"
#include "model/failure.h"

namespace servo {
namespace {

std::string page(const std::string& name) {
    std::ifstream file(source_path("docs/reference/" + name));
    EXPECT_TRUE(file.is_open()) << name;
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Reference, EveryErrorCodeStandsWithItsStatusAndExitCode) {
    const std::string text = page("errors.md");
    for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
        const ErrorTraits& code = traits(static_cast<ErrorCode>(i));
        const std::string row =
            "| `" + std::string(code.name) + "` | " + std::to_string(code.http_status) + " | " +
            std::to_string(code.exit_code) + " | " + (code.retryable ? "yes" : "no") + " |\n";
        EXPECT_NE(text.find(row), std::string::npos) << row;
    }
}

TEST(Reference, EveryFailureClassStandsWithItsAttempts) {
    const std::string text = page("partition_programs.md");
    for (const model::FailureTraits& klass : model::all_failure_traits()) {
        std::string attempts = std::to_string(klass.attempts_default);
        if (klass.klass == model::FailureClass::kQuarantined) {
            attempts = "final";
        } else if (!klass.counts_attempt) {
            attempts = "not counted";
        }
        const std::string row = "| `" + std::string(klass.name) + "` | " + attempts;
        EXPECT_NE(text.find(row), std::string::npos) << row;
    }
}

}  // namespace
}  // namespace servo
