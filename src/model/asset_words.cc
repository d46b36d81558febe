#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/text.h"
#include "model/asset_codec.h"

namespace servo::model {
namespace {

constexpr std::array<std::string_view, 4> kRunners = {"command", "worker", "batch", "synthetic"};
constexpr std::array<std::string_view, 4> kMappings = {"same", "overlap", "all", "offset"};
constexpr std::array<std::string_view, 7> kWeekdays = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

template <typename Enum, size_t N>
std::optional<Enum> find_word(const std::array<std::string_view, N>& words, std::string_view name) {
    for (size_t i = 0; i < N; ++i) {
        if (words[i] == name) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(RunnerKind kind) {
    return kRunners[static_cast<size_t>(kind)];
}
std::string_view to_string(UpstreamMapping mapping) {
    return kMappings[static_cast<size_t>(mapping)];
}
std::string_view to_string(Weekday day) {
    return kWeekdays[static_cast<size_t>(day)];
}

std::optional<RunnerKind> runner_kind_from(std::string_view name) {
    return find_word<RunnerKind>(kRunners, name);
}
std::optional<UpstreamMapping> upstream_mapping_from(std::string_view name) {
    return find_word<UpstreamMapping>(kMappings, name);
}
std::optional<Weekday> weekday_from(std::string_view name) {
    return find_word<Weekday>(kWeekdays, name);
}

std::string format_every(Unit unit, int every) {
    const auto counted = [every](std::string_view word) {
        return every == 1 ? std::string(word) : fmt::format("{}{}", every, word);
    };
    switch (unit) {
        case Unit::kMinutes:
            return fmt::format("{}m", every);
        case Unit::kHours:
            return every == 1 ? "hour" : fmt::format("{}h", every);
        case Unit::kDay:
            return counted("day");
        case Unit::kWeek:
            return counted("week");
        case Unit::kMonth:
            return counted("month");
        case Unit::kCron:
            break;
    }
    return "cron";
}

std::optional<std::pair<Unit, int>> parse_every(std::string_view text) {
    int count = 1;
    const char* const end = text.data() + text.size();
    const auto [rest, status] = std::from_chars(text.data(), end, count);
    const bool counted = status == std::errc();
    if (status == std::errc::result_out_of_range || (counted && count < 1)) {
        return std::nullopt;
    }
    const std::string_view word =
        counted ? std::string_view(rest, static_cast<size_t>(end - rest)) : text;
    if (word == "m" && counted) {
        return std::pair(Unit::kMinutes, count);
    }
    if ((word == "h" && counted) || (word == "hour" && !counted)) {
        return std::pair(Unit::kHours, count);
    }
    if (word == "day") {
        return std::pair(Unit::kDay, count);
    }
    if (word == "week") {
        return std::pair(Unit::kWeek, count);
    }
    if (word == "month") {
        return std::pair(Unit::kMonth, count);
    }
    return std::nullopt;
}

std::string format_bytes(int64_t bytes) {
    constexpr std::array<std::string_view, 5> kUnits = {"", "Ki", "Mi", "Gi", "Ti"};
    size_t unit = 0;
    while (bytes != 0 && bytes % 1'024 == 0 && unit + 1 < kUnits.size()) {
        bytes /= 1'024;
        ++unit;
    }
    return fmt::format("{}{}", bytes, kUnits[unit]);
}

std::string format_micros(Micros duration) {
    const int64_t us = duration.count();
    return us % 1'000 == 0 ? format_duration(Millis(us / 1'000)) : fmt::format("{}us", us);
}

Result<Micros> parse_micros(std::string_view text) {
    if (text.ends_with("us")) {
        const auto count = parse_integer(text.substr(0, text.size() - 2), 0, int64_t{1} << 52);
        if (count) {
            return Micros(*count);
        }
    }
    const Millis ms = SERVO_TRY(parse_duration(text));
    int64_t us = 0;
    if (__builtin_mul_overflow(ms.count(), int64_t{1'000}, &us)) {
        return fail(invalid_argument("bad_duration", fmt::format("\"{}\" is too long.", text)));
    }
    return Micros(us);
}

}  // namespace servo::model
