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

// `role`: "server", "executor", or "" for both.
void add_process_flags(CLI::App& verb, std::string_view role, ProcessFlags& flags);

// Errors: those of config::Options::resolve and parse_options_file; not_found / "no_config_file";
// invalid_argument / "bad_label".
Result<ProcessRequest> resolve_process(const Environment& environment, const ProcessFlags& flags);

}  // namespace servo::cli
