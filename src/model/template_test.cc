#include "model/template.h"

#include <gtest/gtest.h>

namespace servo::model {
namespace {

TemplateValues values() {
    return {
        "2024-01-29",
        "2024-01-29T00:00:00+01:00",
        "2024-01-30T00:00:00+01:00",
        28,
        {{"region", "eu"}},
        "acme",
        2};
}

TEST(Template, KnownWordsAreReplacedAndBracesSurvive) {
    const auto expand = [](std::string_view text) {
        return *expand_template(text, values(), TemplateSyntax::kPlain);
    };
    EXPECT_EQ(expand("--day={partition.key}"), "--day=2024-01-29");
    EXPECT_EQ(
        expand("{partition.start}/{partition.end}"),
        "2024-01-29T00:00:00+01:00/2024-01-30T00:00:00+01:00"
    );
    EXPECT_EQ(
        expand("{tenant}.{attempt}.{partition.index}.{partition.dim.region}"), "acme.2.28.eu"
    );
    EXPECT_EQ(expand("{{partition.key}"), "{partition.key}");
    EXPECT_EQ(
        expand("{\"a\": {\"b\": 1}} {print $1} {} { x }"), "{\"a\": {\"b\": 1}} {print $1} {} { x }"
    );
    EXPECT_EQ(expand(""), "");
    EXPECT_EQ(expand("{"), "{");
}

TEST(Template, AnotherWordIsAnErrorWithTheNearest) {
    const TemplateScope scope;
    const Status bad = check_template("{partition.kye}", scope, TemplateSyntax::kPlain);
    ASSERT_FALSE(bad.has_value());
    EXPECT_EQ(bad.error().reason, "bad_template");
    EXPECT_NE(bad.error().message.find("Did you mean \"partition.key\"?"), std::string::npos)
        << bad.error().message;
    EXPECT_FALSE(check_template("{HOME}", scope, TemplateSyntax::kPlain).has_value());
    EXPECT_FALSE(check_template("{partition.dim.region}", scope, TemplateSyntax::kPlain).has_value()
    );
    EXPECT_FALSE(expand_template("{HOME}", values(), TemplateSyntax::kPlain).has_value());
    EXPECT_TRUE(check_template("{{HOME}", scope, TemplateSyntax::kPlain).has_value());
    for (const TemplateSyntax syntax : {TemplateSyntax::kPlain, TemplateSyntax::kShell}) {
        const Status dollar = check_template("--day=${partition.key}", scope, syntax);
        ASSERT_FALSE(dollar.has_value());
        EXPECT_NE(dollar.error().message.find("write {partition.key},"), std::string::npos)
            << dollar.error().message;
    }
    EXPECT_TRUE(check_template("$${partition.key}$$", scope, TemplateSyntax::kPlain).has_value());
    EXPECT_TRUE(check_template("${HOME}/x", scope, TemplateSyntax::kShell).has_value());
}

TEST(Template, WhatAWordMeansDependsOnTheProcess) {
    TemplateScope worker{TemplateUse::kWorker, true, {}};
    EXPECT_TRUE(check_template("{tenant}", worker, TemplateSyntax::kPlain).has_value());
    EXPECT_FALSE(check_template("{partition.key}", worker, TemplateSyntax::kPlain).has_value());
    TemplateScope batch{TemplateUse::kBatch, true, {"region"}};
    EXPECT_TRUE(check_template("{partition.start}", batch, TemplateSyntax::kPlain).has_value());
    EXPECT_FALSE(check_template("{partition.key}", batch, TemplateSyntax::kPlain).has_value());
    EXPECT_FALSE(check_template("{partition.dim.region}", batch, TemplateSyntax::kPlain).has_value()
    );
    TemplateScope keyed{TemplateUse::kPartition, false, {}};
    EXPECT_FALSE(check_template("{partition.start}", keyed, TemplateSyntax::kPlain).has_value());
    EXPECT_TRUE(check_template("{partition.key}", keyed, TemplateSyntax::kPlain).has_value());
}

TEST(Template, AShellScriptKeepsItsVariablesAndGetsNoDangerousValue) {
    const std::string_view script = "echo ${HOME} {partition.key}";
    EXPECT_TRUE(check_template(script, {}, TemplateSyntax::kShell).has_value());
    EXPECT_EQ(
        *expand_template(script, values(), TemplateSyntax::kShell), "echo ${HOME} 2024-01-29"
    );
    TemplateValues hostile = values();
    hostile.key = "$(reboot)";
    EXPECT_FALSE(expand_template(script, hostile, TemplateSyntax::kShell).has_value());
    EXPECT_TRUE(expand_template("{partition.key}", hostile, TemplateSyntax::kPlain).has_value());
    const TemplateScope product{TemplateUse::kPartition, true, {"date", "region"}};
    EXPECT_FALSE(check_template(script, product, TemplateSyntax::kShell).has_value());
    EXPECT_TRUE(
        check_template("{partition.dim.region}", product, TemplateSyntax::kShell).has_value()
    );
}

TEST(Template, GrowthIsBounded) {
    TemplateValues large = values();
    large.key.assign(1'000, 'k');
    std::string text;
    for (int i = 0; i < 200; ++i) {
        text += "{partition.key}";
    }
    const auto grown = expand_template(text, large, TemplateSyntax::kPlain);
    ASSERT_FALSE(grown.has_value());
    EXPECT_EQ(grown.error().reason, "template_too_long");
}

}  // namespace
}  // namespace servo::model
