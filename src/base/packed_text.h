// Text as it is stored: packed when that makes it shorter. Packed bytes begin with NUL, which text
// that is stored never does. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace servo {

// Never longer than `text`. A NUL at its front becomes '?'.
std::string pack_text(std::string text);

// Error: internal / "corrupt_payload", also when it would be longer than `bytes_max`.
Result<std::string> unpack_text(std::string bytes, size_t bytes_max);

}  // namespace servo
