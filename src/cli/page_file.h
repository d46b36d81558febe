// Writing an HTML page where the user said.
#pragma once

#include <string>

#include "base/result.h"

namespace servo::cli {

// Error: failed_precondition / "cannot_write".
Status write_page(const std::string& path, const std::string& text);

}  // namespace servo::cli
