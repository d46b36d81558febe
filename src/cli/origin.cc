#include "cli/origin.h"

namespace servo::cli {

Origin typed(
    const Environment& environment,
    const std::string& flag,
    const char* flag_name,
    const char* variable
) {
    if (!flag.empty()) {
        return {flag, "flag", flag_name};
    }
    if (const auto value = environment.variable(variable); value && !value->empty()) {
        return {*value, "environment", variable};
    }
    return {"", "default", ""};
}

}  // namespace servo::cli
