// What the shell gets (docs/reference/exit_codes.md). Never renumbered.
#pragma once

#include "base/error.h"

namespace servo::cli {

enum ExitCode : int {
    kOk = 0,
    kFailed = 1,  // it failed, or a check said no
    kUsage = 2,
    kNotFound = 3,
    kConflict = 4,  // conflict or precondition
    kNotAllowed = 5,
    kUnavailable = 6,  // server unreachable or overloaded
    kTimedOut = 7,
    kCannotTell = 8,
    kWaitedForCancelled = 9,
    kSchemaTooNew = 10,
    kDetached = 130,  // by Ctrl-C; never cancels
};

int exit_code_of(const Error& error);

// Lines for `servo --help`.
const char* exit_code_help();

}  // namespace servo::cli
