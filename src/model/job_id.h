// Text forms of job and group ids: "bf_" or "grp_" + 16 base32 characters over 63 random bits, one
// reserved cell byte and one check byte. The random bits come first, so a short prefix is unique.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/ids.h"

namespace servo::model {

constexpr size_t kIdCharacters = 16;

std::string to_text(JobId id);
std::string to_text(GroupId id);

// Error: invalid_argument / "bad_id" (wrong prefix, length, alphabet or check byte).
Result<JobId> parse_job_id(std::string_view text);
Result<GroupId> parse_group_id(std::string_view text);

// The ids that start with a typed prefix ("bf_7k" or "7k"): half-open interval of their values.
struct JobIdRange {
    int64_t first = 0;
    int64_t last = 0;  // inclusive
};
// Needs at least one character after "bf_". Error: invalid_argument / "bad_id".
Result<JobIdRange> parse_job_id_prefix(std::string_view text);

}  // namespace servo::model
