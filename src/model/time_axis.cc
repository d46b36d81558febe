#include "model/time_axis.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace servo::model {
namespace {

constexpr size_t kShownKeyMax = 80;

// Reads `count` digits at `at`; -1 when they are not there.
int digits(std::string_view text, size_t at, size_t count) {
    if (text.size() < at + count) {
        return -1;
    }
    int value = 0;
    for (const char c : text.substr(at, count)) {
        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    return value;
}

bool has(std::string_view text, size_t at, char c) {
    return at < text.size() && text[at] == c;
}

// "+02:00" or nothing; false when something else is there.
bool read_offset(std::string_view text, std::optional<int32_t>& out) {
    if (text.empty()) {
        return true;
    }
    const int hours = digits(text, 1, 2);
    const int minutes = digits(text, 4, 2);
    const bool sign = text.front() == '+' || text.front() == '-';
    if (text.size() != 6 || !sign || !has(text, 3, ':') || hours < 0 || hours > 25 || minutes < 0 ||
        minutes > 59) {
        return false;
    }
    const int32_t offset_s = hours * 3600 + minutes * 60;
    out = text.front() == '-' ? -offset_s : offset_s;
    return true;
}

std::string_view form_text(KeyForm form, bool utc) {
    switch (form) {
        case KeyForm::kMonth:
            return "a month such as 2024-01";
        case KeyForm::kDay:
            return "a date such as 2024-01-29";
        case KeyForm::kHour:
            return utc ? "an hour such as 2024-01-29T05" : "an hour such as 2024-01-29T05+02:00";
        case KeyForm::kMinute:
            return utc ? "a minute such as 2024-01-29T05:15"
                       : "a minute such as 2024-01-29T05:15+02:00";
    }
    return "";
}

}  // namespace

uint64_t TimeAxis::count(Ordinal first, Ordinal end) const {
    if (first >= end) {
        return 0;
    }
    const Result<std::vector<OrdinalRun>> found = runs(first, end);
    if (!found.has_value()) {
        return kCronWindowsMax;
    }
    uint64_t sum = 0;
    for (const OrdinalRun& run : *found) {
        sum += run.count;
    }
    return sum;
}

Ordinal TimeAxis::step_back(Ordinal ordinal, int steps) const {
    for (int i = 0; i < steps; ++i) {
        const std::optional<Span> here = span(ordinal);
        if (!here.has_value()) {
            break;
        }
        ordinal = containing(here->start_s - 1);
    }
    return ordinal;
}

int64_t whole_minutes_from_s(const Zone& zone) {
    const std::vector<ZoneStretch>& stretches = zone.stretches();
    int64_t from_s = kFirstDay * kSecondsPerDay;
    for (size_t i = 0; i < stretches.size(); ++i) {
        const bool last = i + 1 == stretches.size();
        if (stretches[i].offset_s % kSecondsPerMinute != 0) {
            from_s = std::max(from_s, last ? kTimeEndS : stretches[i + 1].from_s);
        }
        if (i > 0 && stretches[i].from_s % kSecondsPerMinute != 0) {
            from_s = std::max(from_s, stretches[i].from_s);
        }
    }
    return ceil_div(from_s, kSecondsPerMinute) * kSecondsPerMinute;
}

std::optional<KeyTime> read_key(std::string_view key, KeyForm form) {
    const bool month_only = form == KeyForm::kMonth;
    const size_t date_length = month_only ? 7 : 10;
    const Date date{digits(key, 0, 4), digits(key, 5, 2), month_only ? 1 : digits(key, 8, 2)};
    if (!has(key, 4, '-') || (!month_only && !has(key, 7, '-')) || date.year < kYearMin ||
        date.month < 1 || date.day < 1 || !date_exists(date)) {
        return std::nullopt;
    }
    KeyTime out{day_number(date) * kSecondsPerDay, std::nullopt};
    if (form == KeyForm::kMonth || form == KeyForm::kDay) {
        return key.size() == date_length ? std::optional(out) : std::nullopt;
    }
    const int hour = digits(key, 11, 2);
    const bool with_minute = form == KeyForm::kMinute;
    const int minute = with_minute ? digits(key, 14, 2) : 0;
    const bool separated = has(key, 10, 'T') && (!with_minute || has(key, 13, ':'));
    if (!separated || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        !read_offset(key.substr(with_minute ? 16 : 13), out.offset_s)) {
        return std::nullopt;
    }
    out.local_s += hour * kSecondsPerHour + minute * kSecondsPerMinute;
    return out;
}

std::string write_key(int64_t local_s, KeyForm form) {
    const int64_t day = floor_div(local_s, kSecondsPerDay);
    const int64_t second = local_s - day * kSecondsPerDay;
    const Date date = date_of(day);
    std::string out = fmt::format("{:04}-{:02}", date.year, date.month);
    if (form != KeyForm::kMonth) {
        out += fmt::format("-{:02}", date.day);
    }
    if (form == KeyForm::kHour || form == KeyForm::kMinute) {
        out += fmt::format("T{:02}", second / kSecondsPerHour);
    }
    if (form == KeyForm::kMinute) {
        out += fmt::format(":{:02}", second % kSecondsPerHour / kSecondsPerMinute);
    }
    return out;
}

std::string write_zoned_key(int64_t start_s, KeyForm form, const Zone& zone) {
    const int32_t offset_s = zone.offset_at(start_s);
    return write_key(start_s + offset_s, form) + (zone.is_utc() ? "" : format_offset(offset_s));
}

Result<KeyTime> read_zoned_key(std::string_view key, KeyForm form, const Zone& zone) {
    const std::optional<KeyTime> time = read_key(key, form);
    if (!time.has_value()) {
        return fail(bad_key(key, fmt::format("{}", form_text(form, zone.is_utc()))));
    }
    if (zone.is_utc() && time->offset_s.has_value()) {
        const std::string plain = write_key(time->local_s - *time->offset_s, form);
        return fail(bad_key(key, fmt::format("{} (keys in UTC carry no offset)", plain)));
    }
    if (!zone.is_utc() && !time->offset_s.has_value()) {
        const int64_t start_s = zone.first_instant(time->local_s);
        const std::string full = write_zoned_key(start_s, form, zone);
        return fail(bad_key(key, fmt::format("{} (with the offset of {})", full, zone.name())));
    }
    return *time;
}

Error bad_key(std::string_view key, std::string_view expected) {
    return invalid_argument(
        "bad_key",
        fmt::format(
            "\"{}\" is not a partition key here; write {}.", utf8_front(key, kShownKeyMax), expected
        )
    );
}

Error no_such_partition(std::string_view key, std::string_view why) {
    return not_found(
        "no_such_partition",
        fmt::format("There is no partition \"{}\": {}", utf8_front(key, kShownKeyMax), why)
    );
}

}  // namespace servo::model
