#include "cli/process_flags.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace servo::cli {
namespace {

std::string form_of(const config::OptionDecl& option) {
    switch (option.form) {
        case config::OptionForm::kText:
            return option.name.ends_with("_name") ? "NAME" : "URL";
        case config::OptionForm::kPath:
            return option.name.ends_with("_dir") || option.name.ends_with("_root") ? "DIR" : "FILE";
        case config::OptionForm::kAddress:
            return "HOST:PORT";
        case config::OptionForm::kInteger:
            return "N";
        case config::OptionForm::kSlots:
            return "N|auto";
        case config::OptionForm::kDuration:
            return "TIME";
        case config::OptionForm::kBytes:
            return "SIZE";
        case config::OptionForm::kWord:
            return "WORD";
        case config::OptionForm::kTexts:
        case config::OptionForm::kNumbers:
            break;  // of the file alone
    }
    return "";
}

// Backquotes of the reference page mean nothing in a help text.
std::string doc_of(const config::OptionDecl& option) {
    std::string text;
    for (const char c : option.doc) {
        if (c != '`') {
            text += c;
        }
    }
    if (!option.usual.empty()) {
        text += " (" + std::string(option.usual) + ")";
    }
    return text;
}

void add_option_flag(
    CLI::App& verb, const config::OptionDecl& option, std::map<std::string, std::string>& typed
) {
    value_flag(
        verb,
        config::flag_of(option),
        typed[std::string(option.name)],
        form_of(option),
        doc_of(option)
    );
}

}  // namespace

Result<model::Labels> labels_of(const std::vector<std::string>& typed) {
    model::Labels labels;
    for (const std::string& label : typed) {
        const size_t at = label.find('=');
        if (at == std::string::npos ||
            !model::label_ok(label.substr(0, at), label.substr(at + 1))) {
            return fail(
                invalid_argument("bad_label", "--label \"" + label + "\" must look like zone=eu.")
            );
        }
        if (!labels.emplace(label.substr(0, at), label.substr(at + 1)).second) {
            return fail(invalid_argument(
                "bad_label", "--label " + label.substr(0, at) + " was given twice; say it once."
            ));
        }
    }
    if (labels.size() > model::kLabelsMax) {
        return fail(
            invalid_argument("bad_label", fmt::format("More than {} labels.", model::kLabelsMax))
        );
    }
    return labels;
}

void add_option_flags(
    CLI::App& verb,
    const std::vector<config::OptionDecl>& options,
    std::map<std::string, std::string>& typed
) {
    for (const config::OptionDecl& option : options) {
        add_option_flag(verb, option, typed);
    }
}

Result<config::OptionsFile> read_options_file(
    const std::string& path, const std::vector<config::OptionDecl>& options
) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        return fail(not_found(
            "no_config_file", path + " is a folder; name the file in it that has the options."
        ));
    }
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        return fail(not_found("no_config_file", "Cannot read the configuration file " + path + ".")
        );
    }
    auto parsed = config::parse_options_file(text.str(), options);
    if (!parsed) {
        Error error = parsed.error();
        error.message = path + ": " + error.message;
        return fail(std::move(error));
    }
    parsed->path = path;
    return parsed;
}

void add_process_flags(CLI::App& verb, std::string_view role, ProcessFlags& flags) {
    bool executor = role.empty();
    for (const config::OptionDecl& option : config::process_options()) {
        if (option.used_by.find(role) != std::string_view::npos && !config::is_mapping(option)) {
            add_option_flag(verb, option, flags.typed);
            executor = executor || role == "executor";
        }
    }
    if (executor) {
        list_flag(
            verb, "--label", flags.labels, "NAME=VALUE", "Label of the executor; repeatable."
        );
    }
    if (role != "executor") {
        switch_flag(
            verb,
            "--insecure",
            flags.insecure,
            "Allow an address beyond loopback without a token or without TLS: whoever reaches it "
            "may run programs, or tokens cross the network in the clear."
        );
        switch_flag(
            verb,
            "--accept-older-database",
            flags.accept_older_database,
            "Go on although the database is older than what was acknowledged (db_went_back): what "
            "it lost is lost."
        );
    }
    value_flag(
        verb,
        "--config",
        flags.config_file,
        "FILE",
        "Options in a file (server.yaml, executor.yaml; else SERVO_CONFIG); flags and SERVO_… "
        "variables win."
    );
}

Result<ProcessRequest> resolve_process(const Environment& environment, const ProcessFlags& flags) {
    config::OptionInput input;
    Origin file = typed(environment, flags.config_file, "--config", "SERVO_CONFIG");
    if (!file.value.empty()) {
        input.file = SERVO_TRY(read_options_file(file.value, config::process_options()));
    }
    for (const config::OptionDecl& option : config::process_options()) {
        const std::string variable = config::variable_of(option);
        if (const auto value = environment.variable(variable)) {
            input.environment[variable] = *value;
        }
    }
    for (const auto& [name, value] : flags.typed) {
        if (!value.empty()) {
            input.flags[name] = value;
        }
    }
    return ProcessRequest{
        SERVO_TRY(config::Options::resolve(input)),
        SERVO_TRY(labels_of(flags.labels)),
        environment.variable("SERVO_ADMIN_TOKEN").value_or(""),
        environment.variable("SERVO_EXECUTOR_TOKEN").value_or(""),
        flags.insecure,
        flags.accept_older_database,
        std::move(file),
        flags.asset_file};
}

}  // namespace servo::cli
