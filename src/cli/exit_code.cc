#include "cli/exit_code.h"

namespace servo::cli {

int exit_code_of(const Error& error) {
    if (error.reason == "schema_too_new") {
        return kSchemaTooNew;
    }
    return traits(error.code).exit_code;
}

const char* exit_code_help() {
    return "  0 ok · 1 failed, or a check said no · 2 usage · 3 not found\n"
           "  4 conflict or precondition · 5 not allowed · 6 server unreachable or overloaded\n"
           "  7 timed out · 8 cannot tell · 9 the waited-for job was cancelled\n"
           "  10 schema too new · 130 detached by Ctrl-C (never cancels)\n";
}

}  // namespace servo::cli
