// Minute and hour windows: wall-clock multiples since local midnight. A boundary that the clock
// repeats starts twice, one that it skips starts at the transition; empty windows vanish.
#include <algorithm>

#include "model/time_axis.h"

namespace servo::model {
namespace {

class ClockAxis final : public TimeAxis {
 public:
    ClockAxis(const TimeWindows& spec, std::shared_ptr<const Zone> zone)
        : TimeAxis(std::move(zone)),
          form_(spec.unit == Unit::kHours ? KeyForm::kHour : KeyForm::kMinute),
          step_s_(spec.every * (spec.unit == Unit::kHours ? kSecondsPerHour : kSecondsPerMinute)),
          earliest_s_(next_start(whole_minutes_from_s(this->zone()))) {}

    int64_t earliest_s() const override { return earliest_s_; }

    Ordinal first_from(int64_t at_s) const override {
        return next_start(std::clamp(at_s, earliest_s_, kTimeEndS)) / kSecondsPerMinute;
    }
    Ordinal containing(int64_t at_s) const override {
        return last_start(std::clamp(at_s, earliest_s_, kTimeEndS - 1)) / kSecondsPerMinute;
    }
    std::optional<Span> span(Ordinal ordinal) const override {
        if (ordinal < earliest_s_ / kSecondsPerMinute || ordinal >= kTimeEndS / kSecondsPerMinute) {
            return std::nullopt;
        }
        const int64_t start_s = ordinal * kSecondsPerMinute;
        if (next_start(start_s) != start_s) {
            return std::nullopt;
        }
        return Span{start_s, next_start(start_s + 1)};
    }

    Result<std::vector<OrdinalRun>> runs(Ordinal first, Ordinal end) const override {
        const int64_t from_s = std::max(first, earliest_s_ / kSecondsPerMinute) * kSecondsPerMinute;
        const int64_t end_s = std::min(end, kTimeEndS / kSecondsPerMinute) * kSecondsPerMinute;
        OrdinalRunBuilder builder;
        if (from_s >= end_s) {
            return builder.take();
        }
        const std::vector<ZoneStretch>& stretches = zone().stretches();
        for (size_t i = zone().stretch_at(from_s); i < stretches.size(); ++i) {
            if (stretches[i].from_s >= end_s) {
                break;
            }
            int64_t low_s = std::max(from_s, stretches[i].from_s);
            const int64_t high_s = std::min(end_s, end_of(i));
            if (low_s == stretches[i].from_s && starts_at_transition(i)) {
                builder.add(low_s / kSecondsPerMinute);
                ++low_s;
            }
            const int64_t start_s = next_multiple(low_s, i);
            if (start_s < high_s) {
                builder.add(OrdinalRun{
                    start_s / kSecondsPerMinute,
                    static_cast<uint64_t>((high_s - 1 - start_s) / step_s_ + 1),
                    step_s_ / kSecondsPerMinute});
            }
        }
        return builder.take();
    }

    std::string key(Ordinal ordinal) const override {
        return write_zoned_key(ordinal * kSecondsPerMinute, form_, zone());
    }
    Result<Ordinal> parse(std::string_view text) const override {
        const KeyTime time = SERVO_TRY(read_zoned_key(text, form_, zone()));
        // A window that a transition starts may begin later in the hour that its key names, after
        // one of the old offset.
        const int64_t named_s = time.local_s - time.offset_s.value_or(0);
        const int64_t past_s = named_s + (form_ == KeyForm::kHour ? kSecondsPerHour : 1);
        int64_t start_s = next_start(std::clamp(named_s, earliest_s_, kTimeEndS));
        for (; start_s < std::min(past_s, kTimeEndS); start_s = next_start(start_s + 1)) {
            if (start_s >= named_s && key(start_s / kSecondsPerMinute) == text) {
                return start_s / kSecondsPerMinute;
            }
        }
        return fail(no_such_partition(
            text, "the window around this time is " + key(containing(named_s)) + "."
        ));
    }

 private:
    int64_t end_of(size_t i) const {
        const std::vector<ZoneStretch>& stretches = zone().stretches();
        return i + 1 < stretches.size() ? stretches[i + 1].from_s : 2 * kTimeEndS;
    }
    // The first wall-clock multiple at or after at_s, were the offset of stretch i to last.
    int64_t next_multiple(int64_t at_s, size_t i) const {
        const int64_t offset_s = zone().stretches()[i].offset_s;
        return ceil_div(at_s + offset_s, step_s_) * step_s_ - offset_s;
    }
    // Whether the change of offset that begins stretch i shows or skips a boundary.
    bool starts_at_transition(size_t i) const {
        if (i == 0) {
            return false;
        }
        const ZoneStretch& stretch = zone().stretches()[i];
        const int64_t shown = stretch.from_s + stretch.offset_s;
        const int64_t expected = stretch.from_s + zone().stretches()[i - 1].offset_s;
        return ceil_div(std::min(expected, shown), step_s_) * step_s_ <= shown;
    }
    int64_t next_start(int64_t at_s) const {
        for (size_t i = zone().stretch_at(at_s);; ++i) {
            const int64_t low_s = std::max(at_s, zone().stretches()[i].from_s);
            if (low_s == zone().stretches()[i].from_s && starts_at_transition(i)) {
                return low_s;
            }
            const int64_t start_s = next_multiple(low_s, i);
            if (start_s < end_of(i) || i + 1 == zone().stretches().size()) {
                return start_s;
            }
        }
    }
    int64_t last_start(int64_t at_s) const {
        for (size_t i = zone().stretch_at(at_s);; --i) {
            const ZoneStretch& stretch = zone().stretches()[i];
            const int64_t local_s = at_s + stretch.offset_s;
            const int64_t start_s = floor_div(local_s, step_s_) * step_s_ - stretch.offset_s;
            if (start_s >= stretch.from_s || i == 0) {
                return std::max(start_s, earliest_s_);
            }
            if (starts_at_transition(i)) {
                return std::max(stretch.from_s, earliest_s_);
            }
            at_s = stretch.from_s - 1;
        }
    }

    KeyForm form_;
    int64_t step_s_;
    int64_t earliest_s_;
};

}  // namespace

std::unique_ptr<TimeAxis> make_clock_axis(
    const TimeWindows& spec, std::shared_ptr<const Zone> zone
) {
    return std::make_unique<ClockAxis>(spec, std::move(zone));
}

}  // namespace servo::model
