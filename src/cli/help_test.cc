// Every help text is a file of the source tree. SERVO_UPDATE_GOLDEN=1 writes them anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "base/golden_test_support.h"
#include "cli/output.h"
#include "cli/run.h"

namespace servo::cli {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = "tests/golden/cli-help/";

std::string file_of(const std::string& verb) {
    std::string name = verb.empty() ? "servo" : verb;
    std::replace(name.begin(), name.end(), ' ', '-');
    return name + ".txt";
}

TEST(Help, IsAsWrittenDown) {
    std::set<std::string> known;
    for (const std::string& verb : all_verbs()) {
        known.insert(file_of(verb));
        expect_golden(kFolder + file_of(verb), help_of(verb));
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(source_path(kFolder))) {
        if (updates_golden() && !known.contains(entry.path().filename())) {
            fs::remove(entry.path());
        } else {
            EXPECT_TRUE(known.contains(entry.path().filename()))
                << entry.path() << " is of no verb";
        }
    }
}

TEST(Help, StartsWithExamplesAndFitsTheScreen) {
    for (const std::string& verb : all_verbs()) {
        const std::string text = help_of(verb);
        const size_t examples = text.find("\nExamples:\n");
        EXPECT_LT(examples, text.find("\nUsage:")) << verb;
        size_t from = 0;
        for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
            const std::string line = text.substr(from, end - from);
            const bool example = from > examples && from < text.find("\nUsage:");
            EXPECT_TRUE(example || display_width(line) <= 100) << verb << ": " << line;
            from = end + 1;
        }
    }
}

}  // namespace
}  // namespace servo::cli
