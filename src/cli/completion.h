// Completion scripts, made from the command tree. Pure functions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/result.h"

namespace servo::cli {

// `shell`: bash, zsh or fish. Error: invalid_argument / "unknown_shell".
Result<std::string> completion_script(const CLI::App& root, const std::string& shell);

}  // namespace servo::cli
