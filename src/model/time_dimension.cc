#include "model/time_dimension.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "model/cron.h"

namespace servo::model {
namespace {

constexpr int kMinutesPerHour = 60;
constexpr int kHoursPerDay = 24;

std::string format_s(int64_t at_s, const Zone& zone) {
    return format_rfc3339(instant_ms(at_s * 1000), zone);
}

// Collects the errors of one time dimension.
class Checker {
 public:
    Checker(const std::string& path, std::vector<FieldError>& errors)
        : path_(path), errors_(errors), before_(errors.size()) {}

    void report(std::string_view field, std::string message) {
        errors_.push_back({fmt::format("{}{}", path_, field), 0, std::move(message)});
    }
    template <typename T>
    std::optional<T> value(std::string_view field, Result<T> result) {
        if (result.has_value()) {
            return std::move(*result);
        }
        report(field, result.error().message);
        return std::nullopt;
    }
    bool ok() const { return errors_.size() == before_; }

 private:
    const std::string& path_;
    std::vector<FieldError>& errors_;
    size_t before_;
};

void check_unit(const TimeWindows& spec, Checker& check) {
    if (spec.unit == Unit::kMinutes && (spec.every < 1 || kMinutesPerHour % spec.every != 0)) {
        check.report(
            "every",
            fmt::format(
                "{}m does not divide an hour; write 1m, 5m, 10m, 15m, 20m or 30m", spec.every
            )
        );
    } else if (spec.unit == Unit::kHours && (spec.every < 1 || kHoursPerDay % spec.every != 0)) {
        check.report(
            "every",
            fmt::format(
                "{}h does not divide a day; write hour, 2h, 3h, 4h, 6h, 8h or 12h", spec.every
            )
        );
    } else if (spec.unit != Unit::kMinutes && spec.unit != Unit::kHours && spec.every != 1) {
        check.report("every", "days, weeks and months are not counted; write day, week or month");
    }
    if (spec.unit != Unit::kCron && !spec.cron.empty()) {
        check.report("cron", "give either every or cron");
    }
    if (spec.unit != Unit::kWeek && spec.week_start != Weekday::kMonday) {
        check.report("week_start", "only windows of a week have it; write every: week");
    }
    if (spec.end_offset < 0 || spec.end_offset > kEndOffsetMax) {
        check.report("end_offset", fmt::format("must be 0 to {}", kEndOffsetMax));
    }
}

std::unique_ptr<TimeAxis> make_axis(
    const TimeWindows& spec, std::shared_ptr<const Zone> zone, Checker& check
) {
    switch (spec.unit) {
        case Unit::kMinutes:
        case Unit::kHours:
            return make_clock_axis(spec, std::move(zone));
        case Unit::kDay:
        case Unit::kWeek:
        case Unit::kMonth:
            return make_civil_axis(spec, std::move(zone));
        case Unit::kCron:
            break;
    }
    const std::optional<CronSpec> cron = check.value("cron", parse_cron(spec.cron));
    return cron.has_value() ? make_cron_axis(*cron, std::move(zone)) : nullptr;
}

int64_t floor_seconds(Instant t) {
    return floor_div(to_ms(t), 1000);
}

}  // namespace

Result<int64_t> read_bound(std::string_view text, Bound bound, const Zone& zone) {
    const bool inclusive = bound == Bound::kInclusiveEnd;
    if (const std::optional<KeyTime> month = read_key(text, KeyForm::kMonth)) {
        const Date first = date_of(month->local_s / kSecondsPerDay);
        const bool last_month = first.month == 12;
        const Date next{first.year + (last_month ? 1 : 0), last_month ? 1 : first.month + 1, 1};
        return zone.first_instant(day_number(inclusive ? next : first) * kSecondsPerDay);
    }
    const CivilTime civil = SERVO_TRY(parse_civil_time(text));
    if (civil.has_time) {
        return ceil_div(to_ms(instant_of(civil, zone)), 1000);
    }
    const int64_t day = day_number({civil.year, civil.month, civil.day}) + (inclusive ? 1 : 0);
    return zone.first_instant(day * kSecondsPerDay);
}

std::optional<TimeDimension> TimeDimension::compile(
    const TimeWindows& spec, const std::string& path, std::vector<FieldError>& errors
) {
    Checker check(path, errors);
    check_unit(spec, check);
    const auto zone = check.value("timezone", Zone::load(spec.timezone));
    if (!check.ok() || !zone.has_value()) {
        return std::nullopt;
    }
    TimeDimension out;
    out.axis_ = make_axis(spec, *zone, check);
    out.end_offset_ = spec.end_offset;
    if (spec.start.empty()) {
        check.report("start", "is required: the date of the first partition, such as 2024-01-01");
    }
    if (!check.ok()) {
        return std::nullopt;
    }
    const auto start_s = check.value("start", read_bound(spec.start, Bound::kStart, **zone));
    const auto end_s = spec.end.empty()
                           ? kTimeEndS
                           : check.value("end", read_bound(spec.end, Bound::kExclusiveEnd, **zone));
    if (!start_s.has_value() || !end_s.has_value()) {
        return std::nullopt;
    }
    const int64_t earliest_s = out.axis_->earliest_s();
    if (*start_s < earliest_s && *start_s < whole_minutes_from_s(**zone)) {
        check.report(
            "start",
            fmt::format(
                "these windows of {} exist from {} on: before, its clock was not set to whole "
                "minutes",
                (*zone)->name(),
                format_s(earliest_s, **zone)
            )
        );
        return std::nullopt;
    }
    if (*start_s >= *end_s || *start_s >= kTimeEndS) {
        check.report("end", "must lie after start");
        return std::nullopt;
    }
    out.start_s_ = *start_s;
    out.end_s_ = std::min(*end_s, kTimeEndS);
    out.first_ = out.axis_->first_from(out.start_s_);
    out.end_ = out.axis_->first_from(out.end_s_);
    return out;
}

Ordinal TimeDimension::eligible_end(Instant now) const {
    return axis_->step_back(axis_->containing(floor_seconds(now)), end_offset_);
}

Result<Ordinal> TimeDimension::parse(std::string_view key) const {
    const Ordinal ordinal = SERVO_TRY(axis_->parse(key));
    if (ordinal < first_) {
        return fail(no_such_partition(
            key, fmt::format("the partitions begin at {}.", format_s(start_s_, axis_->zone()))
        ));
    }
    if (ordinal >= end_) {
        return fail(no_such_partition(
            key, fmt::format("the partitions end at {}.", format_s(end_s_, axis_->zone()))
        ));
    }
    return ordinal;
}

Result<TimeSelection> TimeDimension::select(
    const std::string& start, const std::string& end, Instant now
) const {
    const Zone& zone = axis_->zone();
    const int64_t now_s = floor_seconds(now);
    const int64_t asked_s =
        start.empty() ? start_s_ : SERVO_TRY(read_bound(start, Bound::kStart, zone));
    const int64_t until_s =
        end.empty() ? now_s + 1 : SERVO_TRY(read_bound(end, Bound::kInclusiveEnd, zone));
    // A range in which nothing lies is an answer; one that is the wrong way round is a mistake.
    if (!start.empty() && !end.empty() && asked_s >= until_s) {
        const int64_t end_s = SERVO_TRY(read_bound(end, Bound::kStart, zone));
        if (asked_s > end_s) {
            return fail(invalid_argument(
                "empty_range",
                fmt::format(
                    "The range ends before it starts: {} lies after {}.",
                    format_s(asked_s, zone),
                    format_s(end_s, zone)
                )
            ));
        }
    }
    const Ordinal asked = axis_->first_from(asked_s);
    const Ordinal until = axis_->first_from(until_s);
    const Ordinal low = std::clamp(asked, first_, end_);
    const Ordinal high = std::clamp(until, low, std::max(low, end_));
    const Ordinal eligible = std::clamp(eligible_end(now), low, high);
    TimeSelection out;
    out.start_s = std::clamp(asked_s, start_s_, end_s_);
    out.end_s = std::clamp(until_s, out.start_s, end_s_);
    out.cut_by_bounds = axis_->count(asked, std::min(until, first_)) +
                        (end.empty() ? 0 : axis_->count(std::max(asked, end_), until));
    out.not_yet_ended = axis_->count(eligible, high);
    out.windows = SERVO_TRY(axis_->runs(low, eligible));
    return out;
}

}  // namespace servo::model
