#include "base/rfc3339.h"

#include <fmt/format.h>

#include <chrono>

#include "base/utf8.h"

namespace servo {
namespace {

// Reads fixed-width decimal fields from the front of a text.
struct Cursor {
    std::string_view rest;
    bool ok = true;

    int digits(size_t count) {
        int value = 0;
        if (rest.size() < count) {
            ok = false;
            return 0;
        }
        for (size_t i = 0; i < count; ++i) {
            ok = ok && rest[i] >= '0' && rest[i] <= '9';
            value = value * 10 + (rest[i] - '0');
        }
        rest.remove_prefix(count);
        return value;
    }
    bool take(char c) {
        if (rest.empty() || rest.front() != c) {
            return false;
        }
        rest.remove_prefix(1);
        return true;
    }
};

void read_fraction(Cursor& in, CivilTime& out) {
    int scale = 100;
    bool any = false;
    while (!in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9') {
        out.millisecond += (in.rest.front() - '0') * scale;
        scale /= 10;
        any = true;
        in.rest.remove_prefix(1);
    }
    in.ok = in.ok && any;
}

void read_offset(Cursor& in, CivilTime& out) {
    if (in.take('Z') || in.take('z')) {
        out.offset_minutes = 0;
        return;
    }
    const bool east = in.take('+');
    if (!east && !in.take('-')) {
        return;
    }
    const int hours = in.digits(2);
    in.ok = in.take(':') && in.ok;
    const int minutes = in.digits(2);
    in.ok = in.ok && hours <= 23 && minutes <= 59;
    out.offset_minutes = (east ? 1 : -1) * (hours * 60 + minutes);
}

void read_time(Cursor& in, CivilTime& out) {
    out.has_time = true;
    out.hour = in.digits(2);
    if (in.take(':')) {
        out.minute = in.digits(2);
        if (in.take(':')) {
            out.second = in.digits(2);
            if (in.take('.')) {
                read_fraction(in, out);
            }
        }
    }
    in.ok = in.ok && out.hour <= 23 && out.minute <= 59 && out.second <= 59;
    read_offset(in, out);
}

}  // namespace

std::string format_rfc3339(Instant t) {
    using namespace std::chrono;
    const sys_time<Millis> when(t.time_since_epoch());
    const auto day = floor<days>(when);
    const year_month_day date(day);
    const hh_mm_ss time(when - day);
    std::string out = fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        time.hours().count(),
        time.minutes().count(),
        time.seconds().count()
    );
    if (time.subseconds().count() != 0) {
        out += fmt::format(".{:03}", time.subseconds().count());
    }
    return out + "Z";
}

Result<CivilTime> parse_civil_time(std::string_view text) {
    CivilTime out;
    Cursor in{text};
    out.year = in.digits(4);
    in.ok = in.take('-') && in.ok;
    out.month = in.digits(2);
    in.ok = in.take('-') && in.ok;
    out.day = in.digits(2);
    if (in.ok && (in.take('T') || in.take('t') || in.take(' '))) {
        read_time(in, out);
    }
    const std::chrono::year_month_day date{
        std::chrono::year(out.year),
        std::chrono::month(static_cast<unsigned>(out.month)),
        std::chrono::day(static_cast<unsigned>(out.day))};
    if (!in.ok || !in.rest.empty() || !date.ok()) {
        return fail(invalid_argument(
            "bad_time",
            fmt::format(
                "\"{}\" is not a date or time; write 2024-01-29 or 2024-01-29T05:15:00Z.",
                utf8_front(text, 60)
            )
        ));
    }
    return out;
}

Instant instant_of(const CivilTime& civil) {
    using namespace std::chrono;
    const sys_days date = year_month_day{
        year(civil.year),
        month(static_cast<unsigned>(civil.month)),
        day(static_cast<unsigned>(civil.day))};
    const Millis since = date.time_since_epoch() + hours(civil.hour) + minutes(civil.minute) +
                         seconds(civil.second) + Millis(civil.millisecond) -
                         minutes(civil.offset_minutes.value_or(0));
    return Instant(since);
}

}  // namespace servo
