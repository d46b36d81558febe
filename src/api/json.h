// JSON text with limits: nesting is capped so that no body can exhaust the stack. Pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace servo::api {

constexpr size_t kJsonDepthMax = 64;

// Errors: invalid_argument / "bad_json" (says where), "json_too_deep".
Result<boost::json::value> parse_json(std::string_view text);

std::string to_text(const boost::json::value& value);
// Two spaces a level, for files and people; ends with a newline.
std::string to_pretty_text(const boost::json::value& value);

}  // namespace servo::api
