#include "config/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/golden_test_support.h"
#include "config/yaml_tree.h"

namespace servo::config {
namespace {

Options resolved(const OptionInput& input) {
    Result<Options> options = Options::resolve(input);
    EXPECT_TRUE(options.has_value()) << (options ? "" : options.error().message);
    return options ? *std::move(options) : *Options::resolve({});
}

FieldError problem(const OptionInput& input) {
    const Result<Options> options = Options::resolve(input);
    EXPECT_FALSE(options.has_value());
    if (options.has_value()) {
        return {};
    }
    EXPECT_EQ(options.error().reason, "invalid_option");
    return options.error().fields.at(0);
}

TEST(Options, DefaultsAreThoseOfTheContract) {
    const Options options = resolved({});
    EXPECT_EQ(options.address("listen"), (Address{"127.0.0.1", 7420}));
    EXPECT_EQ(options.text("data_dir"), "./.servo");
    EXPECT_EQ(options.integer("slots"), 0);
    EXPECT_EQ(options.duration("drain_timeout"), Millis(30'000));
    EXPECT_EQ(options.bytes("http_max_body"), 1 << 20);
    EXPECT_EQ(options.bytes("http_max_submit"), 16 << 20);
    EXPECT_EQ(options.duration("history_keep"), Millis(400LL * 86'400'000));
    EXPECT_EQ(options.duration("failures_keep"), Millis(90LL * 86'400'000));
    EXPECT_EQ(options.duration("ledger_minutes_keep"), Millis(15LL * 86'400'000));
    EXPECT_EQ(options.duration("ledger_hours_keep"), Millis(400LL * 86'400'000));
    EXPECT_EQ(options.source("listen"), OptionSource::kDefault);
}

TEST(Options, AFlagWinsOverTheEnvironmentAndThatOverTheFile) {
    OptionInput input;
    input.file.values = {{"slots", {"1"}}, {"log_level", {"warn"}}, {"listen", {"0.0.0.0:1", 2}}};
    input.file.path = "server.yaml";
    input.environment = {
        {"SERVO_SLOTS", "2"},
        {"SERVO_LOG_LEVEL", "error"},
        {"PATH", "/bin"},
        {"SERVO_SERVICE_HOST", "10.0.0.1"}};
    input.flags = {{"slots", "3"}};
    const Options options = resolved(input);
    EXPECT_EQ(options.integer("slots"), 3);
    EXPECT_EQ(options.source("slots"), OptionSource::kFlag);
    EXPECT_EQ(options.text("log_level"), "error");
    EXPECT_EQ(options.source("log_level"), OptionSource::kEnvironment);
    EXPECT_EQ(options.address("listen").port, 1);
    EXPECT_EQ(options.source("listen"), OptionSource::kFile);
    EXPECT_EQ(options.typed_at("slots"), "--slots");
    EXPECT_EQ(options.typed_at("log_level"), "SERVO_LOG_LEVEL");
    EXPECT_EQ(options.typed_at("listen"), "server.yaml: line 2: listen");
    EXPECT_EQ(options.typed_at("data_dir"), "data_dir");
}

TEST(Options, AProblemSaysWhereItWasTyped) {
    OptionInput input;
    input.flags = {{"slots", "many"}};
    EXPECT_EQ(problem(input).field, "--slots");
    EXPECT_EQ(
        problem(input).message, "Must be a whole number from 0 to 1024, or auto, not \"many\"."
    );
    input = {};
    input.environment = {{"SERVO_DRAIN_TIMEOUT", "30"}};
    EXPECT_EQ(problem(input).field, "SERVO_DRAIN_TIMEOUT");
    input = {};
    input.file = {"server.yaml", {{"log_level", {"inf", 3}}, {"slots", {"2", 4}}}};
    EXPECT_EQ(problem(input).field, "log_level");
    EXPECT_EQ(problem(input).line, 3);
    EXPECT_TRUE(Options::resolve(input).error().message.starts_with(
        "server.yaml: line 3: log_level: Must be one of"
    ));
    EXPECT_NE(problem(input).message.find("Did you mean \"info\"?"), std::string::npos);
    input = {};
    input.flags = {{"lsten", "x"}};
    EXPECT_EQ(problem(input).message, "There is no option \"lsten\". Did you mean \"listen\"?");
    for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
             {"http_max_body", "1"},
             {"http_max_body", "1Gi"},
             {"history_keep", "1h"},
             {"data_dir", ""},
             {"data_dir", "a\nb"},
             {"listen", "7420"},
             {"listen", "off"},
             {"log_format", ""},
             {"slots", "-1"}}) {
        input = {};
        input.flags = {{name, text}};
        EXPECT_FALSE(problem(input).message.empty()) << name << "=" << text;
    }
}

TEST(Options, AddressesHaveAHostAndAPort) {
    EXPECT_EQ(*parse_address("localhost:0"), (Address{"localhost", 0}));
    EXPECT_EQ(*parse_address("[::1]:7420"), (Address{"::1", 7420}));
    for (const std::string_view bad :
         {"",
          ":7420",
          "localhost",
          "localhost:",
          "localhost:65536",
          "a b:1",
          "::1:7420",
          "[]:1",
          "host:+1",
          "http://host:1"}) {
        EXPECT_FALSE(parse_address(bad).has_value()) << bad;
    }
    const std::vector<OptionDecl> declarations = {
        {.name = "extra_listen", .form = OptionForm::kAddress, .usual = "a:1", .words = {"off"}}};
    OptionInput input;
    input.flags = {{"extra_listen", "off"}};
    const Result<Options> options = Options::resolve(input, declarations);
    ASSERT_TRUE(options.has_value());
    EXPECT_TRUE(options->is_off("extra_listen"));
}

TEST(Options, SecretsAreNeverShown) {
    const std::vector<OptionDecl> declarations = {
        {.name = "password", .low = 0, .high = 5, .secret = true},
        {.name = "level", .form = OptionForm::kWord, .usual = "a", .words = {"a"}, .secret = true}};
    OptionInput input;
    input.environment = {{"SERVO_PASSWORD", "pw123"}};
    const Result<Options> options = Options::resolve(input, declarations);
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(options->rows().at(0).value, "(hidden)");
    EXPECT_EQ(options->text("password"), "pw123");
    input.environment = {{"SERVO_PASSWORD", "hunter2"}, {"SERVO_LEVEL", "hunter2"}};
    const Result<Options> refused = Options::resolve(input, declarations);
    ASSERT_FALSE(refused.has_value());
    ASSERT_EQ(refused.error().fields.size(), 2U);
    for (const FieldError& field : refused.error().fields) {
        EXPECT_EQ(field.message.find("hunter2"), std::string::npos) << field.message;
    }
}

TEST(Options, TheFileIsAFlatMapping) {
    const auto values = parse_options_file("slots: 4\nx-note: [1]\ndata_dir: /var/lib/servo\n");
    ASSERT_TRUE(values.has_value()) << values.error().message;
    ASSERT_EQ(values->values.size(), 2U);
    EXPECT_EQ(values->values.at("slots").text, "4");
    EXPECT_EQ(values->values.at("data_dir").text, "/var/lib/servo");
    EXPECT_EQ(values->values.at("data_dir").line, 3);
    EXPECT_TRUE(parse_options_file("").has_value());
    for (const std::string_view bad :
         {"slot: 4\n", "slots: [4]\n", "- a\n", "slots: 1\nslots: 2\n", "{"}) {
        const auto refused = parse_options_file(bad);
        ASSERT_FALSE(refused.has_value()) << bad;
        EXPECT_EQ(refused.error().reason, "invalid_config_file");
    }
    EXPECT_EQ(
        parse_options_file("\nslot: 4\n").error().message,
        "line 2: slot: There is no option \"slot\". Did you mean \"slots\"?"
    );
}

TEST(Options, MappingsAreOfTheFileAlone) {
    const auto file = parse_options_file(
        "contacts:\n  oncall: +49 30 1234\n  vendor: support@example.com\n"
        "thresholds: { claimLatencySeconds: 120, throughputFall: 0.6 }\n"
    );
    ASSERT_TRUE(file.has_value()) << file.error().message;
    OptionInput input;
    input.file = *file;
    input.environment = {{"SERVO_CONTACTS", "nobody"}};
    const Options options = resolved(input);
    EXPECT_EQ(options.entries("contacts").at("oncall"), "+49 30 1234");
    EXPECT_EQ(options.entries("thresholds").at("throughputFall"), "0.6");
    EXPECT_EQ(options.text("contacts"), "oncall: +49 30 1234, vendor: support@example.com");
    EXPECT_TRUE(resolved({}).entries("contacts").empty());
    for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
             {"contacts: { oncal: x }", "Did you mean \"oncall\"?"},
             {"contacts: { oncall: '' }", "1 to 255"},
             {"thresholds: { pendingJobs: many }", "a number above 0, not \"many\""},
             {"thresholds: { pendingJobs: 0 }", "a number above 0"},
             {"thresholds: { pendingJobs: nan }", "a number above 0"},
             {"thresholds: { failureRatio: 1.5 }", "a number above 0 and at most 1"},
             {"thresholds: { throughputFall: 0 }", "a number above 0 and at most 1"}}) {
        OptionInput bad;
        bad.file = parse_options_file(text).value();
        EXPECT_NE(problem(bad).message.find(said), std::string::npos) << problem(bad).message;
        EXPECT_EQ(problem(bad).line, 1);
    }
    for (const std::string_view bad :
         {"contacts: ann\n", "contacts: [ann]\n", "contacts: { oncall: [ann] }\n"}) {
        EXPECT_FALSE(parse_options_file(bad).has_value()) << bad;
    }
}

TEST(Options, ThresholdsAreThoseOfTheAlerts) {
    const auto alerts = parse_yaml(read_source("src/metrics/alerts.yaml"));
    ASSERT_TRUE(alerts.has_value());
    std::vector<std::string> declared;
    std::vector<std::string> shares;
    for (const YamlEntry& entry : alerts->find("thresholds")->entries) {
        declared.push_back(entry.name);
        if (const YamlNode* most = entry.value.find("most")) {
            EXPECT_EQ(most->text, "1") << entry.name;
            shares.push_back(entry.name);
        }
    }
    const auto option =
        std::find_if(process_options().begin(), process_options().end(), [](const OptionDecl& one) {
            return one.name == "thresholds";
        });
    EXPECT_EQ(declared, std::vector<std::string>(option->words.begin(), option->words.end()));
    EXPECT_EQ(shares, std::vector<std::string>(option->shares.begin(), option->shares.end()));
}

TEST(Options, TheDeclarationsAreConsistentAndDocumented) {
    std::set<std::string> seen;
    for (const OptionDecl& option : process_options()) {
        EXPECT_TRUE(seen.empty() || *seen.rbegin() < option.name) << "not sorted: " << option.name;
        seen.emplace(option.name);
        EXPECT_FALSE(option.doc.empty()) << option.name;
        EXPECT_FALSE(option.used_by.empty()) << option.name;
    }
    EXPECT_EQ(resolved({}).rows().size(), process_options().size());
    expect_golden("docs/reference/config.md", options_reference());
}

}  // namespace
}  // namespace servo::config
