#include "config/yaml_tree.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace servo::config {
namespace {

YamlNode parsed(std::string_view text) {
    Result<YamlNode> node = parse_yaml(text);
    EXPECT_TRUE(node.has_value()) << (node ? "" : node.error().message) << "\n" << text;
    return node ? *std::move(node) : YamlNode{};
}

FieldError problem(std::string_view text) {
    const Result<YamlNode> node = parse_yaml(text);
    EXPECT_FALSE(node.has_value()) << text;
    if (node.has_value()) {
        return {};
    }
    EXPECT_EQ(node.error().reason, "invalid_yaml");
    return node.error().fields.empty() ? FieldError{} : node.error().fields.front();
}

TEST(YamlTree, ScalarsAreKeptAsTyped) {
    const YamlNode root = parsed("a: no\nb: 01\nc: \"yes\"\nd: [null, ~, 1.50, 2024-01-01]\ne:\n");
    EXPECT_EQ(root.find("a")->text, "no");
    EXPECT_FALSE(root.find("a")->quoted);
    EXPECT_EQ(root.find("b")->text, "01");
    EXPECT_TRUE(root.find("c")->quoted);
    const std::vector<YamlNode>& items = root.find("d")->items;
    ASSERT_EQ(items.size(), 4U);
    EXPECT_EQ(items[0].kind, YamlNode::Kind::kNull);
    EXPECT_EQ(items[0].text, "null");
    EXPECT_EQ(items[1].text, "~");
    EXPECT_EQ(items[2].text, "1.50");
    EXPECT_EQ(items[3].text, "2024-01-01");
    EXPECT_EQ(root.find("e")->kind, YamlNode::Kind::kNull);
    EXPECT_EQ(root.find("e")->text, "");
    EXPECT_EQ(root.find("d")->line, 4);
    EXPECT_EQ(root.find("none"), nullptr);
}

TEST(YamlTree, ADuplicateKeyIsAnErrorWithBothLines) {
    const FieldError error = problem("x:\n  timeout: 1h\n  y: 1\n  timeout: 2h\n");
    EXPECT_EQ(error.field, "x.timeout");
    EXPECT_EQ(error.line, 4);
    EXPECT_EQ(error.message, "\"timeout\" is given twice, first on line 2.");
    EXPECT_EQ(problem("{a: 1, 'a': 2}").field, "a");
    EXPECT_EQ(problem("[{a: 1}, {b: 1, b: 2}]").field, "[1].b");
}

TEST(YamlTree, AliasesAndMergesAreExpanded) {
    const YamlNode root = parsed(
        "x-base: &base {a: 1, b: {c: 2}}\n"
        "x-more: &more {a: 5, d: 6}\n"
        "one: *base\n"
        "two: {<<: *base, a: 3}\n"
        "three:\n  <<: [*base, *more]\n"
    );
    EXPECT_EQ(root.find("one")->find("b")->find("c")->text, "2");
    EXPECT_EQ(root.find("two")->find("a")->text, "3");
    EXPECT_NE(root.find("two")->find("b"), nullptr);
    EXPECT_EQ(root.find("three")->find("a")->text, "1");
    EXPECT_EQ(root.find("three")->find("d")->text, "6");
    EXPECT_EQ(problem("a: {<<: text}").message, "\"<<\" takes mappings, such as <<: *base.");
}

TEST(YamlTree, ABombOfAliasesIsRefused) {
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string last = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int k = 0; k < 10; ++k) {
            bomb += (k == 0 ? "" : ",") + last;
        }
        bomb += "]\n";
    }
    EXPECT_NE(problem(bomb).message.find("more than 200000 values"), std::string::npos);
    EXPECT_NE(problem("a: &a [*a]").message.find("contains it"), std::string::npos);
}

TEST(YamlTree, DepthSizeAndEncodingAreLimited) {
    EXPECT_NE(
        problem(std::string(70, '[') + std::string(70, ']')).message.find("64 levels"),
        std::string::npos
    );
    EXPECT_FALSE(parse_yaml(std::string(400'000, '[')).has_value());
    EXPECT_FALSE(parse_yaml(std::string(100'000, '{')).has_value());
    EXPECT_FALSE(parse_yaml(std::string(kYamlBytesMax + 1, 'a')).has_value());
    EXPECT_EQ(problem("a: 1\nb: \xff").message, "The file is not UTF-8 text.");
    EXPECT_EQ(problem("a: 1\nb: \xff").line, 2);
    EXPECT_EQ(problem("a: \"\\0\"").message, "Text must not contain a NUL character.");
    EXPECT_EQ(
        parsed("\xef\xbb\xbf"
               "a: null")
            .find("a")
            ->text,
        "null"
    );
    std::string wide;
    for (size_t i = 0; i <= kYamlEntriesMax; ++i) {
        wide += "k" + std::to_string(i) + ": 1\n";
    }
    EXPECT_EQ(problem(wide).message, "A mapping has more than 2000 keys.");
    // Depth counts through aliases too.
    std::string chain = "a0: &a0 [x]\n";
    for (int i = 1; i < 70; ++i) {
        chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
                 std::to_string(i - 1) + "]\n";
    }
    EXPECT_NE(problem(chain).message.find("64 levels"), std::string::npos);
}

TEST(YamlTree, SyntaxErrorsNameTheLine) {
    EXPECT_EQ(problem("a: 1\nb: [1, 2\nc: 3\n").line > 1, true);
    EXPECT_EQ(problem("a: 1\n---\nb: 2\n").line, 2);
    EXPECT_EQ(problem("a: 1\n? [x]\n: 2\n").line, 2);
    EXPECT_EQ(problem("a: !binary abc\n").line, 1);
    EXPECT_EQ(problem("a: *nothing\n").line, 1);
    EXPECT_EQ(parsed("").kind, YamlNode::Kind::kNull);
}

TEST(YamlTree, RandomBytesAndCutsNeverCrash) {
    const std::string seed =
        "version: 1\nx: &x {a: [1, 'b', \"c\\n\"], <<: {k: v}}\ny: *x\nz: |\n  text\n  more\n# "
        "end\n";
    constexpr std::string_view kMarks = "{}[]:,&*#?|>-!%@`'\"\n \t~<a1";
    Prng random(11);
    for (int round = 0; round < 3'000; ++round) {
        std::string text = seed.substr(0, random.below(seed.size() + 1));
        for (uint64_t k = random.below(4); k > 0 && !text.empty(); --k) {
            text[random.below(text.size())] = kMarks[random.below(kMarks.size())];
        }
        const Result<YamlNode> node = parse_yaml(text);
        if (!node.has_value()) {
            EXPECT_FALSE(node.error().fields.empty());
        }
    }
}

}  // namespace
}  // namespace servo::config
