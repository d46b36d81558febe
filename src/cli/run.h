// The command line: arguments in, exit code out. No state between runs.
#pragma once

#include <string>
#include <vector>

#include "cli/environment.h"

namespace servo::cli {

class LocalStore;
class Processes;

// `arguments` without the program's name. `store` and `processes` may be null: their verbs then say
// that this build lacks them.
int run(
    const std::vector<std::string>& arguments,
    const Environment& environment,
    LocalStore* store,
    Processes* processes
);

// Whether run() would carry the arguments out: verb, flags and number of words. What values mean is
// not looked at. Error: invalid_argument / "usage", "not_in_this_version".
Status check_command(const std::vector<std::string>& arguments);

// The help text of a verb ("backfill start"; empty = of the program), as `--help` prints it, and
// the full names of all verbs and groups that have one. For the golden tests and the reference
// pages.
std::string help_of(const std::string& verb);
std::vector<std::string> all_verbs();

}  // namespace servo::cli
