// Writing an HTML page where the user said.
#pragma once

#include <string>

#include "base/result.h"

namespace servo::cli {

// Whether it could be written, before time is spent on what goes into it; what is there stays.
// Error: failed_precondition / "cannot_write".
Status check_page(const std::string& path);

// Error: failed_precondition / "cannot_write".
Status write_page(const std::string& path, const std::string& text);

}  // namespace servo::cli
