#include "server/settings.h"

#include <fmt/format.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "model/asset_codec.h"
#include "model/settable.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kDay{86'400'000};

Error with_field(std::string_view field, Error error) {
    error.message = fmt::format("{}: {}", field, error.message);
    return error;
}

Error out_of_range(std::string_view field, int64_t low, int64_t high) {
    return invalid_argument(
        fmt::format("bad_{}", field), fmt::format("{} must be {} to {}.", field, low, high)
    );
}

Status check_range(std::string_view field, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high) {
        return fail(out_of_range(field, low, high));
    }
    return {};
}

bool is_none(const std::string& text) {
    return text == "none";
}

Result<std::optional<Millis>> timeout_setting(const std::string& text) {
    if (is_none(text)) {
        return std::optional<Millis>();
    }
    auto timeout = parse_duration(text);
    if (!timeout) {
        return fail(with_field("timeout", timeout.error()));
    }
    if (*timeout < kTimeoutMin || *timeout > kTimeoutMax) {
        return fail(invalid_argument(
            "bad_timeout",
            fmt::format(
                "timeout must be {} to {}, or \"none\".",
                format_duration(kTimeoutMin),
                format_duration(kTimeoutMax)
            )
        ));
    }
    return std::optional<Millis>(*timeout);
}

Result<std::optional<int64_t>> memory_setting(const std::string& text) {
    if (is_none(text)) {
        return std::optional<int64_t>();
    }
    auto bytes = parse_bytes(text);
    if (!bytes) {
        return fail(with_field("memory", bytes.error()));
    }
    if (*bytes < kMemoryMin || *bytes > kMemoryMax) {
        return fail(invalid_argument(
            "bad_memory",
            fmt::format(
                "memory must be {} to {}, or \"none\".",
                format_bytes(kMemoryMin),
                format_bytes(kMemoryMax)
            )
        ));
    }
    return std::optional<int64_t>(*bytes);
}

Result<std::optional<int>> attempts_setting(const std::string& text) {
    if (is_none(text)) {
        return std::optional<int>();
    }
    const auto number = parse_integer(text, 1, kAttemptsMax);
    if (!number) {
        return fail(out_of_range("max_attempts", 1, kAttemptsMax));
    }
    return std::optional<int>(static_cast<int>(*number));
}

}  // namespace

Result<Instant> parse_deadline(std::string_view text, Instant now) {
    Instant out;
    if (text.starts_with('+')) {
        const auto ahead = parse_duration(text.substr(1));
        if (!ahead || *ahead > kHoldMax) {
            return fail(invalid_argument(
                "bad_time", fmt::format("\"{}\" is no time ahead; write it like +72h.", text)
            ));
        }
        out = now + *ahead;
    } else {
        const auto civil = parse_civil_time(text);
        if (!civil) {
            return fail(with_field("sla_deadline", civil.error()));
        }
        out = instant_of(*civil) + (civil->has_time ? Millis(0) : kDay);
    }
    if (out <= now) {
        return fail(invalid_argument(
            "deadline_passed",
            fmt::format("The deadline {} has passed already.", format_rfc3339(out))
        ));
    }
    return out;
}

Result<Instant> parse_since(std::string_view text, Instant now) {
    const auto age = parse_duration(text);
    if (age && *age <= kHoldMax) {
        return now - *age;
    }
    const auto civil = parse_civil_time(text);
    if (!civil) {
        return fail(invalid_argument(
            "bad_time",
            fmt::format(
                "since: \"{}\" is neither an age such as 24h nor a time such as 2024-01-29.", text
            )
        ));
    }
    return instant_of(*civil);
}

Result<Instant> parse_hold(std::string_view text, Instant now, std::string_view field) {
    if (text.empty()) {
        return kNever;
    }
    const auto length = parse_duration(text);
    if (!length) {
        return fail(invalid_argument(
            "bad_duration",
            fmt::format("{}: \"{}\" is no length of time; write it like 2h.", field, text)
        ));
    }
    if (*length < kHoldMin || *length > kHoldMax) {
        return fail(invalid_argument(
            "bad_duration",
            fmt::format(
                "{} must be {} to {}, not \"{}\".",
                field,
                format_duration(kHoldMin),
                format_duration(kHoldMax),
                text
            )
        ));
    }
    return now + *length;
}

Result<MaxFailures> parse_max_failures(std::string_view text) {
    if (text == "none") {
        return MaxFailures{0, 0, 0};
    }
    const bool share = text.ends_with('%');
    const auto number = parse_integer(
        share ? text.substr(0, text.size() - 1) : text,
        1,
        share ? 100 : static_cast<int64_t>(kPartitionsPerJobMax)
    );
    if (!number) {
        return fail(invalid_argument(
            "bad_max_failures",
            fmt::format(
                "max_failures: \"{}\" must be a count such as 10, a share such as 5%, or none.",
                text
            )
        ));
    }
    if (share) {
        MaxFailures limit;
        limit.percent = static_cast<int>(*number);
        return limit;
    }
    return MaxFailures{*number, 0, 0};
}

Result<JobSettings> job_settings(const api::StartRequest& request, Instant now) {
    JobSettings out;
    SERVO_CHECK(check_range("priority", request.priority, kPriorityMin, kPriorityMax));
    SERVO_CHECK(check_range("max_concurrency", request.max_concurrency, 0, kConcurrencyMax));
    out.priority = static_cast<int>(request.priority);
    out.max_concurrency = request.max_concurrency;
    if (request.sla_deadline) {
        out.deadline = SERVO_TRY(parse_deadline(*request.sla_deadline, now));
    }
    if (request.max_failures) {
        out.max_failures = SERVO_TRY(parse_max_failures(*request.max_failures));
    }
    return out;
}

Result<core::SetJob> set_command(const api::SettingsRequest& request, Instant now) {
    core::SetJob out;
    if (request.priority) {
        SERVO_CHECK(check_range("priority", *request.priority, kPriorityMin, kPriorityMax));
        out.change.priority = static_cast<int>(*request.priority);
    }
    if (request.sla_deadline) {
        std::optional<Instant> deadline;
        if (!is_none(*request.sla_deadline)) {
            deadline = SERVO_TRY(parse_deadline(*request.sla_deadline, now));
        }
        out.change.deadline = deadline;
    }
    if (request.max_concurrency) {
        SERVO_CHECK(check_range("max_concurrency", *request.max_concurrency, 0, kConcurrencyMax));
        out.change.max_concurrency = *request.max_concurrency;
    }
    if (request.max_failures) {
        out.change.max_failures = SERVO_TRY(parse_max_failures(*request.max_failures));
    }
    if (request.timeout) {
        out.change.timeout = SERVO_TRY(timeout_setting(*request.timeout));
    }
    if (request.memory) {
        out.change.memory_bytes = SERVO_TRY(memory_setting(*request.memory));
    }
    if (request.max_attempts) {
        out.change.max_attempts = SERVO_TRY(attempts_setting(*request.max_attempts));
    }
    out.latest_revision = request.revision.has_value();
    out.reason = request.reason;
    SERVO_CHECK(check_note("reason", request.reason));
    out.until = SERVO_TRY(parse_hold(request.hold_for, now));
    if (out.latest_revision && out.until != kNever) {
        return fail(invalid_argument(
            "revision_for_a_time",
            "for: a revision cannot be set for a time; leave revision or for out."
        ));
    }
    if (names_nothing(out.change) && !out.latest_revision) {
        return fail(invalid_argument("nothing_to_set", "The request names nothing to change."));
    }
    return out;
}

Status check_note(std::string_view field, std::string_view text) {
    if (text.size() > api::kNoteBytesMax) {
        return fail(invalid_argument(
            "text_too_long", fmt::format("{} has more than {} bytes.", field, api::kNoteBytesMax)
        ));
    }
    return {};
}

}  // namespace servo::server
