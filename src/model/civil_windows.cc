// Day, week and month windows. Each starts at the first instant whose local date is not before its
// boundary; a window that the zone's clock skips altogether does not exist.
#include <fmt/format.h>

#include <algorithm>

#include "model/time_axis.h"

namespace servo::model {
namespace {

constexpr int kMonthsPerYear = 12;

class CivilAxis final : public TimeAxis {
 public:
    CivilAxis(const TimeWindows& spec, std::shared_ptr<const Zone> zone)
        : TimeAxis(std::move(zone)), unit_(spec.unit) {
        // Week 0 is the one with 1970-01-01 in it.
        week_anchor_ = -floor_mod(weekday_of(0) - static_cast<int>(spec.week_start), 7);
        first_ = first_boundary_from(kFirstDay * kSecondsPerDay);
        end_ = first_boundary_from((kLastDay + 1) * kSecondsPerDay);
        find_skipped();
    }

    int64_t earliest_s() const override { return start_of(first_); }

    Ordinal first_from(int64_t at_s) const override {
        Ordinal ordinal =
            std::clamp(first_boundary_from(zone().first_local(clamp_time(at_s))), first_, end_);
        while (ordinal < end_ && is_skipped(ordinal)) {
            ++ordinal;
        }
        return ordinal;
    }
    Ordinal containing(int64_t at_s) const override {
        // The last boundary whose first instant is not after at_s; what it starts cannot be empty.
        const int64_t after = zone().first_local(clamp_time(at_s) + 1);
        return std::clamp(first_boundary_from(after) - 1, first_, end_ - 1);
    }
    std::optional<Span> span(Ordinal ordinal) const override {
        if (ordinal < first_ || ordinal >= end_ || is_skipped(ordinal)) {
            return std::nullopt;
        }
        return Span{start_of(ordinal), start_of(ordinal + 1)};
    }
    Result<std::vector<OrdinalRun>> runs(Ordinal first, Ordinal end) const override {
        first = std::max(first, first_);
        end = std::min(end, end_);
        OrdinalRunBuilder builder;
        for (auto gap = std::lower_bound(skipped_.begin(), skipped_.end(), first);
             gap != skipped_.end() && *gap < end;
             ++gap) {
            add(builder, first, *gap);
            first = *gap + 1;
        }
        add(builder, first, end);
        return builder.take();
    }
    std::string key(Ordinal ordinal) const override { return write_key(boundary(ordinal), form()); }
    Result<Ordinal> parse(std::string_view key) const override {
        const std::optional<KeyTime> time = read_key(key, form());
        if (!time.has_value()) {
            return fail(bad_key(
                key, unit_ == Unit::kMonth ? "a month such as 2024-01" : "a date such as 2024-01-29"
            ));
        }
        const Ordinal ordinal = first_boundary_from(time->local_s);
        if (unit_ == Unit::kWeek && boundary(ordinal) != time->local_s) {
            return fail(no_such_partition(
                key, fmt::format("its week begins on {}.", write_key(boundary(ordinal - 1), form()))
            ));
        }
        if (!span(ordinal).has_value()) {
            return fail(
                no_such_partition(key, fmt::format("the clock of {} skips it.", zone().name()))
            );
        }
        return ordinal;
    }

 private:
    KeyForm form() const { return unit_ == Unit::kMonth ? KeyForm::kMonth : KeyForm::kDay; }

    static int64_t clamp_time(int64_t at_s) {
        return std::clamp(at_s, (kFirstDay - 7) * kSecondsPerDay, kTimeEndS + 7 * kSecondsPerDay);
    }
    static void add(OrdinalRunBuilder& builder, Ordinal first, Ordinal end) {
        if (first < end) {
            builder.add(OrdinalRun{first, static_cast<uint64_t>(end - first), 1});
        }
    }

    // Local time at which the window begins, were no second ever skipped.
    int64_t boundary(Ordinal ordinal) const {
        if (unit_ == Unit::kMonth) {
            const int64_t year = 1970 + floor_div(ordinal, kMonthsPerYear);
            const int64_t month = floor_mod(ordinal, kMonthsPerYear) + 1;
            return day_number({static_cast<int>(year), static_cast<int>(month), 1}) *
                   kSecondsPerDay;
        }
        const int64_t day = unit_ == Unit::kWeek ? ordinal * 7 + week_anchor_ : ordinal;
        return day * kSecondsPerDay;
    }
    // The first window whose boundary is local_s or later.
    Ordinal first_boundary_from(int64_t local_s) const {
        const int64_t day = ceil_div(local_s, kSecondsPerDay);
        if (unit_ == Unit::kMonth) {
            const Date date = date_of(day);
            const Ordinal month = (date.year - 1970) * kMonthsPerYear + date.month - 1;
            return date.day == 1 ? month : month + 1;
        }
        return unit_ == Unit::kWeek ? ceil_div(day - week_anchor_, 7) : day;
    }
    int64_t start_of(Ordinal ordinal) const { return zone().first_instant(boundary(ordinal)); }

    bool is_skipped(Ordinal ordinal) const {
        return std::binary_search(skipped_.begin(), skipped_.end(), ordinal);
    }
    void find_skipped() {
        for (size_t i = 1; i < zone().stretches().size(); ++i) {
            const ZoneStretch& stretch = zone().stretches()[i];
            const int64_t jumped_to = stretch.from_s + stretch.offset_s;
            if (jumped_to - stretch.reached_s < kSecondsPerDay) {
                continue;
            }
            Ordinal ordinal = first_boundary_from(stretch.reached_s);
            for (; boundary(ordinal + 1) <= jumped_to; ++ordinal) {
                skipped_.push_back(ordinal);
            }
        }
    }

    Unit unit_;
    int64_t week_anchor_ = 0;
    Ordinal first_ = 0;
    Ordinal end_ = 0;
    std::vector<Ordinal> skipped_;  // ascending
};

}  // namespace

std::unique_ptr<TimeAxis> make_civil_axis(
    const TimeWindows& spec, std::shared_ptr<const Zone> zone
) {
    return std::make_unique<CivilAxis>(spec, std::move(zone));
}

}  // namespace servo::model
