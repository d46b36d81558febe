// Completion scripts, made from the command tree. Pure functions.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"

namespace servo::cli {

// `shell`: bash, zsh or fish. Error: invalid_argument / "unknown_shell".
Result<std::string> completion_script(Commands& commands, const std::string& shell);

}  // namespace servo::cli
