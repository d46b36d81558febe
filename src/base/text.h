// Small text rules used on both sides of the wire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace servo {

// `word` quoted for a POSIX shell when it needs it; a plain word is returned as it is.
std::string shell_quote(std::string_view word);

// "90s", "15m", "2h", "1d", "250ms" or a sum such as "1h30m" → milliseconds, ≥ 0.
// Error: invalid_argument / "bad_duration".
Result<Millis> parse_duration(std::string_view text);
// The shortest of the forms above that is exact ("1h30m"); "0s" for zero.
std::string format_duration(Millis d);
// For people: two significant units ("2h 05m", "3.2s", "340ms").
std::string human_duration(Millis d);

// "2Gi", "512Mi", "1G", "4096" → bytes, ≥ 0. Error: invalid_argument / "bad_size".
Result<int64_t> parse_bytes(std::string_view text);

// Whole decimal integer in [low, high]. Error: invalid_argument / "bad_number".
Result<int64_t> parse_integer(std::string_view text, int64_t low, int64_t high);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// 1234567 → "1,234,567".
std::string with_commas(int64_t value);
// "1 job", "2,000 jobs".
std::string counted(uint64_t value, std::string_view one, std::string_view many);

// Crockford base32, lower case, without padding; 5 bits a character, most significant first.
std::string base32_encode(std::string_view bytes);
// Error: invalid_argument / "bad_base32". Trailing bits that do not fill a byte must be zero.
Result<std::string> base32_decode(std::string_view text);

}  // namespace servo
