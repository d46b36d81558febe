// Names that an object of a JSON text has twice. A parser keeps the last of them; where people
// write, one of two values cannot be meant. Pure; reads the text once more, so not for calls that
// are many.
#pragma once

#include <string_view>

#include "base/result.h"

namespace servo::api {

// Error: invalid_argument / "repeated_name" with the name's path and where it is repeated. Of a
// text that is no JSON nothing is said.
Status refuse_repeated_names(std::string_view text);

}  // namespace servo::api
