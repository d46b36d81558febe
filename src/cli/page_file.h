// Writing an HTML page where the user said; "-" is standard output.
#pragma once

#include <string>

#include "cli/session.h"

namespace servo::cli {

// Whether it could be written, before time is spent on what goes into it; what is there stays.
// Errors: failed_precondition / "cannot_write"; invalid_argument / "usage" where -o wants standard
// output, too.
Status check_page(Session& session, const std::string& path);

// Writes it, says so, and tells whether standard output is still free. Error: failed_precondition /
// "cannot_write".
Result<bool> write_page(Session& session, const std::string& path, const std::string& text);

}  // namespace servo::cli
