// Flags of the process options (config/options.h) on the command line, and their resolution with
// environment and file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/processes.h"
#include "model/labels.h"

namespace servo::cli {

struct ProcessFlags {
    std::map<std::string, std::string> typed;  // by option name; "" = not given
    std::string config_file;                   // else SERVO_CONFIG, else none
    std::vector<std::string> labels;           // name=value
    std::string asset_file;
    bool insecure = false;
    bool accept_older_database = false;
};

// "zone=eu" of each `--label`. Error: invalid_argument / "bad_label".
Result<model::Labels> labels_of(const std::vector<std::string>& typed);

// A flag for each declared option; `typed` by option name.
void add_option_flags(
    CLI::App& verb,
    const std::vector<config::OptionDecl>& options,
    std::map<std::string, std::string>& typed
);

// The options in a file of this declaration. Errors: parse_options_file's, with the path before it;
// not_found / "no_config_file", also for a folder.
Result<config::OptionsFile> read_options_file(
    const std::string& path, const std::vector<config::OptionDecl>& options
);

// `role`: "server", "executor", or "" for both.
void add_process_flags(CLI::App& verb, std::string_view role, ProcessFlags& flags);

// Errors: those of config::Options::resolve and parse_options_file; not_found / "no_config_file";
// invalid_argument / "bad_label".
Result<ProcessRequest> resolve_process(const Environment& environment, const ProcessFlags& flags);

}  // namespace servo::cli
