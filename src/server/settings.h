// Text of requests → values of the model, and back: deadlines, ages, holds, failure limits. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/backfill.h"
#include "base/result.h"
#include "base/time.h"
#include "core/commands.h"
#include "model/job.h"

namespace servo::server {

constexpr Millis kHoldMin{1'000};               // `--for`
constexpr Millis kHoldMax{366LL * 86'400'000};  // `--for`, and ages

// "+72h", a date (its end in UTC) or a date-time (UTC without offset). Errors: invalid_argument /
// "bad_time", "deadline_passed".
Result<Instant> parse_deadline(std::string_view text, Instant now);
// A date-time, a date (its beginning), or an age such as "24h". Error: invalid_argument /
// "bad_time".
Result<Instant> parse_since(std::string_view text, Instant now);
// "2h" → now + 2 h; empty → kNever. `field`: what the request calls it. Error: invalid_argument /
// "bad_duration".
Result<Instant> parse_hold(std::string_view text, Instant now, std::string_view field = "for");

// "10", "5%", "none". Error: invalid_argument / "bad_max_failures".
Result<model::MaxFailures> parse_max_failures(std::string_view text);

// The settings of a new job. Errors: invalid_argument with the field's name in the message.
Result<model::JobSettings> job_settings(const api::StartRequest& request, Instant now);
// The command for one job; `job` is set by the caller. Errors as above, "bad_duration",
// "nothing_to_set", "revision_for_a_time".
Result<core::SetJob> set_command(const api::SettingsRequest& request, Instant now);

// Error: invalid_argument / "text_too_long".
Status check_note(std::string_view field, std::string_view text);

}  // namespace servo::server
