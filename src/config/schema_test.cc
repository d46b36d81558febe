#include "config/schema.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/golden_test_support.h"
#include "base/text.h"
#include "config/asset_file.h"
#include "config/keys.h"

namespace servo::config {
namespace {

struct Case {
    std::string kind;
    std::string field;
    std::string title;
    std::string text;
};

std::string trimmed(const std::string& text) {
    const size_t first = text.find_first_not_of(' ');
    const size_t last = text.find_last_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::vector<Case> cases() {
    std::vector<Case> out;
    for (const std::string& line : split(read_source("src/config/schema/cases.txt"), '\n')) {
        if (line.starts_with("=== ")) {
            const std::vector<std::string> parts = split(line.substr(4), '|');
            out.push_back({trimmed(parts.at(0)), trimmed(parts.at(1)), trimmed(parts.at(2)), ""});
        } else if (!out.empty()) {
            out.back().text += line + "\n";
        }
    }
    return out;
}

// check_schema.py asks the schema about the same cases.
TEST(Schema, TheParserAgreesWithTheCases) {
    const std::vector<Case> all = cases();
    ASSERT_GT(all.size(), 50U);
    for (const Case& one : all) {
        const Result<AssetFile> file = parse_asset_file(one.text);
        EXPECT_EQ(file.has_value(), one.kind == "valid")
            << one.title << ": " << (file ? "accepted" : file.error().message);
        if (!file.has_value()) {
            const std::vector<FieldError>& fields = file.error().fields;
            EXPECT_TRUE(std::any_of(
                fields.begin(),
                fields.end(),
                [&](const FieldError& f) { return f.field == one.field; }
            )) << one.title
               << ": expected " << one.field << ", got " << file.error().message;
        }
    }
}

TEST(Schema, TheFilesInTheTreeAreUpToDate) {
    expect_golden("docs/reference/servo.schema.json", asset_file_schema());
    expect_golden("docs/reference/servo-yaml.md", asset_file_reference());
}

TEST(Schema, EveryKeyIsDescribedOnThePage) {
    const std::string page = asset_file_reference();
    for (size_t i = 0; i < kScopeCount; ++i) {
        for (const KeyDecl& key : declaration(static_cast<Scope>(i)).keys) {
            EXPECT_NE(page.find("`" + std::string(key.name) + "`"), std::string::npos) << key.name;
            EXPECT_EQ(key.doc.empty(), key.reserved) << key.name;
            EXPECT_LE(key.low, std::max(key.high, key.low)) << key.name;
        }
    }
}

}  // namespace
}  // namespace servo::config
