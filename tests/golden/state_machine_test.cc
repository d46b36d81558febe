// The drawing in docs/state_machine.md and the transition table of model/job.cc say the same.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <utility>

#include "base/golden_test_support.h"
#include "model/job.h"

namespace servo::model {
namespace {

using Step = std::pair<std::string, std::string>;

constexpr const char* kOutside = "[*]";

// The steps of the page's one mermaid drawing, in the form "    from --> to".
std::set<Step> drawn_steps() {
    std::ifstream page(source_path("docs/state_machine.md"));
    EXPECT_TRUE(page.is_open());
    const std::regex step(R"(^\s+([a-z_]+|\[\*\]) --> ([a-z_]+|\[\*\])$)");
    std::set<Step> steps;
    std::string line;
    bool drawing = false;
    while (std::getline(page, line)) {
        if (line.rfind("```", 0) == 0) {
            drawing = line == "```mermaid";
            continue;
        }
        std::smatch match;
        if (!drawing || line == "stateDiagram-v2") {
            continue;
        }
        EXPECT_TRUE(std::regex_match(line, match, step)) << "not a step: " << line;
        if (!match.empty()) {
            EXPECT_TRUE(steps.emplace(match[1], match[2]).second) << "drawn twice: " << line;
        }
    }
    return steps;
}

TEST(StateMachine, DrawingEqualsTable) {
    std::set<Step> table = {{kOutside, "pending"}};
    for (size_t i = 0; i < kJobStateCount; ++i) {
        const auto from = static_cast<JobState>(i);
        bool absorbing = true;
        for (size_t j = 0; j < kJobStateCount; ++j) {
            const auto to = static_cast<JobState>(j);
            if (transition_allowed(from, to)) {
                table.emplace(to_string(from), to_string(to));
                absorbing = false;
            }
        }
        if (absorbing) {
            table.emplace(to_string(from), kOutside);
        }
    }
    EXPECT_EQ(drawn_steps(), table);
}

TEST(StateMachine, EveryStateIsExplained) {
    std::ifstream page(source_path("docs/state_machine.md"));
    ASSERT_TRUE(page.is_open());
    const std::string text{std::istreambuf_iterator<char>(page), {}};
    for (size_t i = 0; i < kJobStateCount; ++i) {
        const std::string row = "| `" + std::string(to_string(static_cast<JobState>(i))) + "` |";
        EXPECT_NE(text.find(row), std::string::npos) << row;
    }
}

TEST(StateMachine, CompletedAndCancelledAreAbsorbing) {
    for (size_t i = 0; i < kJobStateCount; ++i) {
        const auto to = static_cast<JobState>(i);
        EXPECT_FALSE(transition_allowed(JobState::kCompleted, to)) << to_string(to);
        EXPECT_FALSE(transition_allowed(JobState::kCancelled, to)) << to_string(to);
    }
}

}  // namespace
}  // namespace servo::model
