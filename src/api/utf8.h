// Text from programs, made fit for JSON: cut to a size, invalid UTF-8 replaced. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace servo::api {

// `bytes` with every invalid sequence replaced by U+FFFD; what is valid is unchanged.
std::string valid_utf8(std::string_view bytes);
// The first or last `max` bytes at most of valid_utf8(bytes), cut between characters.
std::string clean_head(std::string_view bytes, size_t max);
std::string clean_tail(std::string_view bytes, size_t max);

}  // namespace servo::api
