#include "model/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "base/utf8.h"

namespace servo::model {
namespace {

// The calendar repeats after 400 years: what does not match within them never does.
constexpr int64_t kCalendarDays = 146'097;

struct Field {
    std::string_view name;
    int low;
    int high;
    std::string_view words;  // three letters each, the first is `low`
};

constexpr std::array<Field, 5> kFields = {{
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of week", 0, 7, "sunmontuewedthufrisat"},
}};

using Values = std::bitset<60>;

Error bad_cron(std::string what) {
    return invalid_argument("bad_cron", std::move(what));
}

Error bad_part(const Field& field, std::string_view part, std::string_view hint) {
    return bad_cron(fmt::format(
        "\"{}\" is not a {} of a cron expression ({}-{}){}.",
        utf8_front(part, 40),
        field.name,
        field.low,
        field.high,
        hint
    ));
}

std::optional<int> read_value(const Field& field, std::string_view text) {
    if (text.size() == 3 && !field.words.empty()) {
        std::string lower(text);
        for (char& c : lower) {
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        const size_t at = field.words.find(lower);
        if (at != std::string_view::npos && at % 3 == 0) {
            return field.low + static_cast<int>(at / 3);
        }
    }
    const Result<int64_t> value = parse_integer(text, field.low, field.high);
    return value.has_value() ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

// One item of a list: "*", "5", "1-5", "*/10", "8-18/2".
Status read_item(const Field& field, std::string_view item, Values& out) {
    const size_t slash = item.find('/');
    const std::string_view range = item.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
        const Result<int64_t> typed = parse_integer(item.substr(slash + 1), 1, field.high);
        if (!typed.has_value()) {
            return fail(bad_part(field, item, fmt::format(": the step must be 1 to {}", field.high))
            );
        }
        step = static_cast<int>(*typed);
    }
    int low = field.low;
    int high = field.high;
    if (range != "*") {
        const size_t dash = range.find('-');
        const std::optional<int> first = read_value(field, range.substr(0, dash));
        const bool single = dash == std::string_view::npos;
        std::optional<int> last = single ? first : read_value(field, range.substr(dash + 1));
        if (!first.has_value() || !last.has_value()) {
            return fail(bad_part(field, item, ""));
        }
        if (single && slash != std::string_view::npos) {
            return fail(
                bad_part(field, item, fmt::format(": write {}-{}/{}", *first, field.high, step))
            );
        }
        const bool week = field.high == 7;
        if (week && *last == 0 && *first > 0) {
            last = 7;  // "fri-sun"
        }
        if (*last < *first) {
            return fail(bad_part(field, item, ": the range runs backwards, write two ranges"));
        }
        low = *first;
        high = *last;
    }
    for (int value = low; value <= high; value += step) {
        out.set(static_cast<size_t>(value));
    }
    return {};
}

Result<Values> read_field(const Field& field, std::string_view text) {
    Values out;
    for (const std::string& item : split(text, ',')) {
        SERVO_CHECK(read_item(field, item, out));
    }
    return out;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    for (const char c : text) {
        if (c != ' ' && c != '\t') {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::exchange(word, ""));
        }
    }
    if (!word.empty()) {
        out.push_back(word);
    }
    return out;
}

// The nearest matching day, from `day` on in steps of +1 or -1.
std::optional<int64_t> find_day(const CronSpec& cron, int64_t day, int direction) {
    for (int64_t looked = 0; looked <= kCalendarDays; ++looked) {
        if (day < kFirstDay || day > kLastDay) {
            return std::nullopt;
        }
        const Date date = date_of(day);
        if (!cron.months[static_cast<size_t>(date.month)]) {  // on to the next month's edge
            day = direction > 0 ? day_number({date.year, date.month, 28}) + 1 : day - date.day;
            while (direction > 0 && date_of(day).month == date.month) {
                ++day;
            }
            continue;
        }
        if (cron.matches(date, weekday_of(day))) {
            return day;
        }
        day += direction;
    }
    return std::nullopt;
}

}  // namespace

bool CronSpec::matches(Date date, int weekday) const {
    if (!months[static_cast<size_t>(date.month)]) {
        return false;
    }
    const bool day = days[static_cast<size_t>(date.day)];
    const bool week = weekdays[static_cast<size_t>(weekday)];
    return any_day_field ? day || week : day && week;
}

std::optional<int64_t> CronSpec::next(int64_t local_min) const {
    const int64_t day = std::max(floor_div(local_min, kMinutesPerDay), kFirstDay);
    const int64_t minute = local_min - day * kMinutesPerDay;
    if (day <= kLastDay && matches(date_of(day), weekday_of(day))) {
        const auto later = std::lower_bound(minutes_of_day.begin(), minutes_of_day.end(), minute);
        if (later != minutes_of_day.end()) {
            return day * kMinutesPerDay + *later;
        }
    }
    const std::optional<int64_t> found =
        find_day(*this, minute <= minutes_of_day.front() ? day : day + 1, 1);
    return found.has_value() ? std::optional(*found * kMinutesPerDay + minutes_of_day.front())
                             : std::nullopt;
}

std::optional<int64_t> CronSpec::previous(int64_t local_min) const {
    const int64_t day = std::min(floor_div(local_min, kMinutesPerDay), kLastDay + 1);
    const int64_t minute = local_min - day * kMinutesPerDay;
    if (day >= kFirstDay && day <= kLastDay && matches(date_of(day), weekday_of(day))) {
        const auto later = std::lower_bound(minutes_of_day.begin(), minutes_of_day.end(), minute);
        if (later != minutes_of_day.begin()) {
            return day * kMinutesPerDay + *std::prev(later);
        }
    }
    const std::optional<int64_t> found = find_day(*this, day - 1, -1);
    return found.has_value() ? std::optional(*found * kMinutesPerDay + minutes_of_day.back())
                             : std::nullopt;
}

Result<CronSpec> parse_cron(std::string_view text) {
    if (text.size() > kCronTextMax) {
        return fail(
            bad_cron(fmt::format("A cron expression has at most {} characters.", kCronTextMax))
        );
    }
    const std::vector<std::string> words = words_of(text);
    if (words.size() != kFields.size()) {
        return fail(bad_cron(fmt::format(
            "\"{}\" has {} fields; write five: minute, hour, day of month, month, day of week, "
            "such as \"0 6 * * 1\".",
            utf8_front(text, 60),
            words.size()
        )));
    }
    std::array<Values, kFields.size()> values;
    for (size_t i = 0; i < kFields.size(); ++i) {
        values[i] = SERVO_TRY(read_field(kFields[i], words[i]));
    }
    CronSpec out;
    for (int hour = 0; hour < 24; ++hour) {
        for (int minute = 0; minute < 60; ++minute) {
            if (values[1][static_cast<size_t>(hour)] && values[0][static_cast<size_t>(minute)]) {
                out.minutes_of_day.push_back(hour * 60 + minute);
            }
        }
    }
    for (size_t day = 1; day <= 31; ++day) {
        out.days[day] = values[2][day];
    }
    for (size_t month = 1; month <= 12; ++month) {
        out.months[month] = values[3][month];
    }
    for (size_t day = 0; day <= 7; ++day) {  // cron: 0 and 7 are Sunday; here 0 is Monday
        out.weekdays[(day + 6) % 7] = out.weekdays[(day + 6) % 7] || values[4][day];
    }
    out.any_day_field = !words[2].starts_with('*') && !words[4].starts_with('*');
    if (!find_day(out, day_number({2000, 1, 1}), 1).has_value()) {
        return fail(bad_cron(fmt::format("\"{}\" never happens: no date matches.", text)));
    }
    return out;
}

}  // namespace servo::model
