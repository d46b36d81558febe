// A setting and where it came from: what `servo config view` shows.
#pragma once

#include <string>
#include <string_view>

#include "cli/environment.h"

namespace servo::cli {

struct Origin {
    std::string value;
    std::string_view from;  // "flag", "environment", "context", "file" or "default"
    std::string where;      // "--server", "SERVO_SERVER", "context prod", a path; empty: default
};

// What was typed: the flag's value before the variable's; else empty and from "default".
Origin typed(
    const Environment& environment,
    const std::string& flag,
    const char* flag_name,
    const char* variable
);

}  // namespace servo::cli
