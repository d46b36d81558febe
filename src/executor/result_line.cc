#include "executor/result_line.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>

#include "executor/log_tail.h"

namespace servo::executor {
namespace {

namespace json = boost::json;

constexpr int64_t kRetryAfterSecondsMax = 7 * 24 * 3'600;
constexpr double kPhaseSecondsMax = 366.0 * 24 * 3'600;

Error bad_line(std::string message) {
    return invalid_argument("bad_result_line", std::move(message));
}

Result<int64_t> whole_number(const json::value& value, std::string_view member) {
    if (const auto* number = value.if_int64(); number != nullptr && *number >= 0) {
        return *number;
    }
    if (const auto* number = value.if_double();
        number != nullptr && *number >= 0 && *number < 9.2e18 &&
        *number == static_cast<double>(static_cast<int64_t>(*number))) {
        return static_cast<int64_t>(*number);
    }
    return fail(bad_line(fmt::format(R"("{}" must be a whole number, 0 or more)", member)));
}

Result<std::string> text(const json::value& value, std::string_view member) {
    if (const auto* string = value.if_string()) {
        return std::string(std::string_view(*string));
    }
    return fail(bad_line(fmt::format(R"("{}" must be a string)", member)));
}

Status read_status(ResultLine& line, const json::value& value) {
    const std::string word = SERVO_TRY(text(value, "status"));
    if (word == "completed") {
        line.status = SaidStatus::kCompleted;
    } else if (word == "failed") {
        line.status = SaidStatus::kFailed;
    } else {
        return fail(bad_line(R"("status" must be "completed" or "failed")"));
    }
    return {};
}

Status read_class(ResultLine& line, const json::value& value) {
    const std::string word = SERVO_TRY(text(value, "class"));
    const auto klass = model::failure_class_from(word);
    if (!klass || *klass == model::FailureClass::kLost ||
        *klass == model::FailureClass::kQuarantined) {
        return fail(bad_line(fmt::format(
            R"("class" must be transient, data, resource, external, timeout, auth, configuration, )"
            R"(crash or error, not "{}")",
            cut_text(word, 100)
        )));
    }
    line.klass = klass;
    return {};
}

Status read_phases(ResultLine& line, const json::value& value) {
    const auto* object = value.if_object();
    if (object == nullptr) {
        return fail(bad_line(R"("phases" must be an object of seconds, as {"db_exec": 1.5})"));
    }
    model::PhaseMicros us{};
    for (const auto& [word, seconds] : *object) {
        const auto phase = model::told_phase_from(word);
        if (!phase) {
            return fail(bad_line(fmt::format(
                R"("phases" knows {}, not "{}")",
                model::told_phase_words(),
                cut_text(std::string_view(word), 100)
            )));
        }
        boost::system::error_code error;
        const auto number = seconds.to_number<double>(error);
        if (error || !(number >= 0 && number <= kPhaseSecondsMax)) {
            return fail(bad_line(fmt::format(
                R"("phases": "{}" must be seconds, 0 or more, at most a year)",
                model::to_string(*phase)
            )));
        }
        us[static_cast<size_t>(*phase)] = std::llround(number * 1e6);
    }
    line.phases = us;
    return {};
}

Status read_member(ResultLine& line, std::string_view name, const json::value& value) {
    if (value.is_null()) {
        return {};
    }
    if (name == "id") {
        line.id = SERVO_TRY(whole_number(value, name));
    } else if (name == "key") {
        line.key = SERVO_TRY(text(value, name));
    } else if (name == "status") {
        return read_status(line, value);
    } else if (name == "class") {
        return read_class(line, value);
    } else if (name == "message") {
        line.message = SERVO_TRY(text(value, name));
    } else if (name == "rows") {
        line.rows = SERVO_TRY(whole_number(value, name));
    } else if (name == "bytes") {
        line.bytes = SERVO_TRY(whole_number(value, name));
    } else if (name == "retry_after_s") {
        const int64_t seconds = SERVO_TRY(whole_number(value, name));
        line.retry_after = Millis(std::min(seconds, kRetryAfterSecondsMax) * 1'000);
    } else if (name == "pool") {
        line.pool = SERVO_TRY(text(value, name));
    } else if (name == "phases") {
        return read_phases(line, value);
    }
    return {};
}

}  // namespace

Result<ResultLine> parse_result_line(std::string_view line) {
    if (line.size() > kResultLineBytesMax) {
        return fail(bad_line(fmt::format("it is longer than {} bytes", kResultLineBytesMax)));
    }
    json::value document;
    try {
        boost::system::error_code error;
        document = json::parse(line, error);
        if (error) {
            return fail(bad_line(fmt::format("it is not JSON: {}", error.message())));
        }
    } catch (const std::exception& thrown) {
        return fail(bad_line(fmt::format("it is not JSON: {}", thrown.what())));
    }
    const auto* object = document.if_object();
    if (object == nullptr) {
        return fail(bad_line("it is not a JSON object"));
    }
    ResultLine result;
    for (const auto& member : *object) {
        SERVO_CHECK(read_member(result, member.key(), member.value()));
    }
    return result;
}

}  // namespace servo::executor
