#include "model/tz_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/civil.h"

namespace servo::model {
namespace {

constexpr size_t kHeaderBytes = 44;
constexpr size_t kTypeBytes = 6;
constexpr int32_t kOffsetMaxS = 26 * 3600;  // RFC 8536 allows less than 26 h

Error bad_file(std::string_view what) {
    return internal("bad_tz_file", fmt::format("The time zone file is damaged: {}.", what));
}

int64_t big_endian(std::string_view bytes) {
    uint64_t value = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0 ? ~uint64_t{0} : 0;
    for (const char c : bytes) {
        value = (value << 8) | static_cast<unsigned char>(c);
    }
    return static_cast<int64_t>(value);
}

struct Header {
    char version = 0;
    size_t is_ut = 0, is_std = 0, leaps = 0, times = 0, types = 0, chars = 0;

    size_t body_bytes(size_t time_bytes) const {
        return times * (time_bytes + 1) + types * kTypeBytes + chars + leaps * (time_bytes + 4) +
               is_std + is_ut;
    }
};

Result<Header> read_header(std::string_view bytes) {
    if (bytes.size() < kHeaderBytes || bytes.substr(0, 4) != "TZif") {
        return fail(bad_file("it does not begin with TZif"));
    }
    Header h;
    h.version = bytes[4];
    size_t* const fields[] = {&h.is_ut, &h.is_std, &h.leaps, &h.times, &h.types, &h.chars};
    for (size_t i = 0; i < std::size(fields); ++i) {
        const int64_t value = big_endian(bytes.substr(20 + 4 * i, 4));
        if (value < 0 || value > static_cast<int64_t>(bytes.size())) {
            return fail(bad_file("a count is out of range"));
        }
        *fields[i] = static_cast<size_t>(value);
    }
    return h;
}

// The footer: a POSIX TZ string such as "CET-1CEST,M3.5.0,M10.5.0/3".
struct RuleDate {
    enum class Kind { kJulian, kDayOfYear, kWeekOfMonth };
    Kind kind = Kind::kWeekOfMonth;
    int day = 0;  // Julian 1..365 (never Feb 29), day of year 0..365, or weekday 0 = Sunday
    int month = 0;
    int week = 0;  // 5 = last
    int32_t time_s = 2 * 3600;
};

struct FooterRule {
    int32_t standard_s = 0;
    bool has_daylight = false;
    int32_t daylight_s = 0;
    RuleDate daylight_from;
    RuleDate daylight_to;
};

class FooterParser {
 public:
    explicit FooterParser(std::string_view text) : rest_(text) {}

    Result<FooterRule> parse() {
        FooterRule rule;
        skip_name();
        rule.standard_s = -clock(24);
        rule.has_daylight = ok_ && !rest_.empty();
        if (rule.has_daylight) {
            skip_name();
            rule.daylight_s = rest_.starts_with(',') ? rule.standard_s + 3600 : -clock(24);
            rule.daylight_from = date();
            rule.daylight_to = date();
        }
        if (!ok_ || !rest_.empty()) {
            return fail(bad_file("its footer is no POSIX TZ string"));
        }
        return rule;
    }

 private:
    bool take(char c) {
        if (!rest_.starts_with(c)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    void need(bool condition) { ok_ = ok_ && condition; }

    int number(int low, int high) {
        int value = 0;
        size_t digits = 0;
        while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && digits < 4) {
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
            ++digits;
        }
        need(digits > 0 && value >= low && value <= high);
        return value;
    }
    void skip_name() {
        const bool quoted = take('<');
        const auto is_part = [quoted](char c) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            return letter || (quoted && c != '>');
        };
        size_t length = 0;
        while (length < rest_.size() && is_part(rest_[length])) {
            ++length;
        }
        need(length >= 3);
        rest_.remove_prefix(length);
        need(!quoted || take('>'));
    }
    // [+-]hh[:mm[:ss]] in seconds.
    int32_t clock(int hours_max) {
        const bool negative = take('-');
        if (!negative) {
            take('+');
        }
        int32_t value = number(0, hours_max) * 3600;
        if (take(':')) {
            value += number(0, 59) * 60;
            if (take(':')) {
                value += number(0, 59);
            }
        }
        return negative ? -value : value;
    }
    RuleDate date() {
        RuleDate d;
        need(take(','));
        if (take('M')) {
            d.month = number(1, 12);
            need(take('.'));
            d.week = number(1, 5);
            need(take('.'));
            d.day = number(0, 6);
        } else if (take('J')) {
            d.kind = RuleDate::Kind::kJulian;
            d.day = number(1, 365);
        } else {
            d.kind = RuleDate::Kind::kDayOfYear;
            d.day = number(0, 365);
        }
        if (take('/')) {
            d.time_s = clock(167);
        }
        return d;
    }

    std::string_view rest_;
    bool ok_ = true;
};

// Local seconds of `rule` in `year`, on the clock that runs before the change.
int64_t local_time_of(const RuleDate& rule, int year) {
    const int64_t first = day_number({year, 1, 1});
    int64_t day = first;
    switch (rule.kind) {
        case RuleDate::Kind::kDayOfYear:
            day = first + rule.day;
            break;
        case RuleDate::Kind::kJulian: {
            const bool after_leap_day = rule.day >= 60 && date_exists({year, 2, 29});
            day = first + rule.day - 1 + (after_leap_day ? 1 : 0);
            break;
        }
        case RuleDate::Kind::kWeekOfMonth: {
            const int64_t month_first = day_number({year, rule.month, 1});
            const int weekday = (rule.day + 6) % 7;  // Monday = 0
            day =
                month_first + floor_mod(weekday - weekday_of(month_first), 7) + 7 * (rule.week - 1);
            const bool last_month = rule.month == 12;
            const int64_t next_month =
                last_month ? day_number({year + 1, 1, 1}) : day_number({year, rule.month + 1, 1});
            while (day >= next_month) {
                day -= 7;
            }
            break;
        }
    }
    return day * kSecondsPerDay + rule.time_s;
}

// Appends a change of offset; one at the same instant replaces the former.
void append(std::vector<ZoneStretch>& out, int64_t from_s, int32_t offset_s) {
    while (!out.empty() && out.back().from_s >= from_s) {
        out.pop_back();
    }
    if (out.empty() || out.back().offset_s != offset_s) {
        out.push_back({from_s, 0, offset_s});
    }
}

// The changes that the footer prescribes after `last_s`, the last stored transition.
void continue_by_rule(std::vector<ZoneStretch>& out, const FooterRule& rule, int64_t last_s) {
    if (!rule.has_daylight) {
        append(out, std::max(last_s, out.back().from_s + 1), rule.standard_s);
        return;
    }
    const int64_t last_day =
        floor_div(std::max(last_s, kFirstDay * kSecondsPerDay), kSecondsPerDay);
    for (int year = date_of(std::min(last_day, kLastDay)).year; year <= kYearMax; ++year) {
        std::pair<int64_t, int32_t> changes[] = {
            {local_time_of(rule.daylight_from, year) - rule.standard_s, rule.daylight_s},
            {local_time_of(rule.daylight_to, year) - rule.daylight_s, rule.standard_s}};
        if (changes[1].first < changes[0].first) {
            std::swap(changes[0], changes[1]);
        }
        for (const auto& [from_s, offset_s] : changes) {
            if (from_s > last_s) {
                append(out, from_s, offset_s);
            }
        }
    }
}

// Transitions and types of the 64-bit block that `body` begins with.
Result<std::vector<ZoneStretch>> read_transitions(std::string_view body, const Header& h) {
    const std::string_view indices = body.substr(h.times * 8, h.times);
    const std::string_view types = body.substr(h.times * 9, h.types * kTypeBytes);
    const auto offset_of = [&](size_t type) {
        return static_cast<int32_t>(big_endian(types.substr(type * kTypeBytes, 4)));
    };
    for (size_t i = 0; i < h.types; ++i) {
        if (offset_of(i) <= -kOffsetMaxS || offset_of(i) >= kOffsetMaxS) {
            return fail(bad_file("an offset is out of range"));
        }
    }
    std::vector<ZoneStretch> out;
    append(out, kSinceEver, offset_of(0));
    int64_t before = kSinceEver;
    for (size_t i = 0; i < h.times; ++i) {
        const int64_t from_s = big_endian(body.substr(i * 8, 8));
        const size_t type = static_cast<unsigned char>(indices[i]);
        if (type >= h.types || from_s <= before || from_s > -kSinceEver) {
            return fail(bad_file("transitions do not ascend or name no type"));
        }
        append(out, from_s, offset_of(type));
        before = from_s;
    }
    return out;
}

}  // namespace

Result<std::vector<ZoneStretch>> parse_tz_file(std::string_view bytes) {
    const Header old = SERVO_TRY(read_header(bytes));
    if (old.version < '2') {
        return fail(bad_file("version 1 has no 64-bit times"));
    }
    const size_t skip = kHeaderBytes + old.body_bytes(4);
    if (bytes.size() < skip) {
        return fail(bad_file("it ends too early"));
    }
    const Header h = SERVO_TRY(read_header(bytes.substr(skip)));
    const std::string_view body = bytes.substr(skip + kHeaderBytes);
    if (body.size() < h.body_bytes(8) || h.types == 0) {
        return fail(bad_file("it ends too early"));
    }
    if (h.leaps != 0) {
        return fail(bad_file("it counts leap seconds, which are not supported"));
    }
    std::vector<ZoneStretch> out = SERVO_TRY(read_transitions(body, h));
    const int64_t last_s =
        h.times == 0 ? kSinceEver : big_endian(body.substr((h.times - 1) * 8, 8));
    std::string_view footer = body.substr(h.body_bytes(8));
    if (footer.size() < 2 || !footer.starts_with('\n') || !footer.ends_with('\n')) {
        return fail(bad_file("it has no footer"));
    }
    footer = footer.substr(1, footer.size() - 2);
    if (!footer.empty()) {
        continue_by_rule(out, SERVO_TRY(FooterParser(footer).parse()), last_s);
    }
    out.front().reached_s = 2 * kSinceEver;
    for (size_t i = 1; i < out.size(); ++i) {
        out[i].reached_s =
            std::max(out[i - 1].reached_s, out[i].from_s + int64_t{out[i - 1].offset_s});
    }
    return out;
}

}  // namespace servo::model
