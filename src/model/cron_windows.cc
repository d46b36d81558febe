// Cron windows: each runs from one firing to the next. A wall-clock time that the clock skips fires
// at the transition, one that it repeats fires once, the first time.
#include <fmt/format.h>

#include <algorithm>

#include "model/cron.h"
#include "model/time_axis.h"

namespace servo::model {
namespace {

class CronAxis final : public TimeAxis {
 public:
    CronAxis(const CronSpec& cron, std::shared_ptr<const Zone> zone)
        : TimeAxis(std::move(zone)), cron_(cron) {
        earliest_s_ = next_firing(whole_minutes_from_s(this->zone()));
    }

    int64_t earliest_s() const override { return earliest_s_; }

    Ordinal first_from(int64_t at_s) const override {
        return next_firing(std::clamp(at_s, earliest_s_, kTimeEndS)) / kSecondsPerMinute;
    }
    Ordinal containing(int64_t at_s) const override {
        // The last local time whose first instant is not after at_s.
        const int64_t after_s = zone().first_local(std::clamp(at_s, earliest_s_, kTimeEndS) + 1);
        const std::optional<int64_t> local = cron_.previous(ceil_div(after_s, kSecondsPerMinute));
        const int64_t fired_s = local.has_value() ? instant_of_minute(*local) : earliest_s_;
        return std::max(fired_s, earliest_s_) / kSecondsPerMinute;
    }
    std::optional<Span> span(Ordinal ordinal) const override {
        if (ordinal < earliest_s_ / kSecondsPerMinute || ordinal >= kTimeEndS / kSecondsPerMinute) {
            return std::nullopt;
        }
        const int64_t start_s = ordinal * kSecondsPerMinute;
        if (next_firing(start_s) != start_s) {
            return std::nullopt;
        }
        return Span{start_s, next_firing(start_s + 1)};
    }
    Result<std::vector<OrdinalRun>> runs(Ordinal first, Ordinal end) const override {
        OrdinalRunBuilder builder;
        uint64_t count = 0;
        const int64_t end_s = std::min(end, kTimeEndS / kSecondsPerMinute) * kSecondsPerMinute;
        const int64_t from_s = std::max(first * kSecondsPerMinute, earliest_s_);
        std::optional<int64_t> local = first_match(from_s);
        int64_t before_s = kSinceEver;
        while (local.has_value()) {
            const int64_t fired_s = instant_of_minute(*local);
            if (fired_s >= end_s) {
                break;
            }
            if (fired_s != before_s) {  // several skipped times fire together
                if (++count > kCronWindowsMax) {
                    return fail(too_many());
                }
                builder.add(fired_s / kSecondsPerMinute);
                before_s = fired_s;
            }
            local = cron_.next(*local + 1);
        }
        return builder.take();
    }
    std::string key(Ordinal ordinal) const override {
        return write_zoned_key(ordinal * kSecondsPerMinute, KeyForm::kMinute, zone());
    }
    Result<Ordinal> parse(std::string_view text) const override {
        const KeyTime time = SERVO_TRY(read_zoned_key(text, KeyForm::kMinute, zone()));
        const int64_t start_s = time.local_s - time.offset_s.value_or(0);
        const Ordinal found = start_s / kSecondsPerMinute;
        if (span(found).has_value() && key(found) == text) {
            return found;
        }
        return fail(no_such_partition(
            text,
            fmt::format(
                "the cron expression does not fire then; the window around this time is {}.",
                key(containing(start_s))
            )
        ));
    }

 private:
    static Error too_many() {
        return invalid_argument(
            "too_many_partitions",
            fmt::format(
                "The range has more than {} cron windows; narrow it with --start and --end.",
                kCronWindowsMax
            )
        );
    }
    int64_t instant_of_minute(int64_t local_min) const {
        return zone().first_instant(local_min * kSecondsPerMinute);
    }
    std::optional<int64_t> first_match(int64_t at_s) const {
        return cron_.next(ceil_div(zone().first_local(at_s), kSecondsPerMinute));
    }
    // The first firing at or after at_s; kTimeEndS when there is none before it.
    int64_t next_firing(int64_t at_s) const {
        const std::optional<int64_t> local = first_match(at_s);
        return local.has_value() ? std::min(instant_of_minute(*local), kTimeEndS) : kTimeEndS;
    }

    CronSpec cron_;
    int64_t earliest_s_ = 0;
};

}  // namespace

std::unique_ptr<TimeAxis> make_cron_axis(const CronSpec& cron, std::shared_ptr<const Zone> zone) {
    return std::make_unique<CronAxis>(cron, std::move(zone));
}

}  // namespace servo::model
