// TimeAxis: one kind of time windows, compiled. It maps instants, ordinals and keys of windows to
// one another; windows tile the time from earliest_s() on. Internal to the partition schemes.
// Immutable; safe to share between threads. Times are whole seconds since the epoch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/civil.h"
#include "model/ordinals.h"
#include "model/partition_scheme.h"
#include "model/zone.h"

namespace servo::model {

// No window starts at or after this.
constexpr int64_t kTimeEndS = (kLastDay + 1) * kSecondsPerDay;
// Cron windows are counted one by one; a selection may look at this many.
constexpr uint64_t kCronWindowsMax = 1'000'000;
constexpr int kEndOffsetMax = 100'000;

struct Span {
    int64_t start_s = 0;
    int64_t end_s = 0;  // exclusive; the start of the next window
    bool operator==(const Span&) const = default;
};

class TimeAxis {
 public:
    explicit TimeAxis(std::shared_ptr<const Zone> zone) : zone_(std::move(zone)) {}
    virtual ~TimeAxis() = default;
    TimeAxis(const TimeAxis&) = delete;
    TimeAxis& operator=(const TimeAxis&) = delete;

    const Zone& zone() const { return *zone_; }
    // Windows begin at the first boundary that is not before this.
    virtual int64_t earliest_s() const = 0;

    // The window that starts last at or before at_s; the first of all where there is none.
    virtual Ordinal containing(int64_t at_s) const = 0;
    // A bound: windows with this ordinal or a greater one are those that start at at_s or later.
    virtual Ordinal first_from(int64_t at_s) const = 0;
    // Absent when no window has this ordinal.
    virtual std::optional<Span> span(Ordinal ordinal) const = 0;
    // The windows with first ≤ ordinal < end. Error: invalid_argument / "too_many_partitions".
    virtual Result<std::vector<OrdinalRun>> runs(Ordinal first, Ordinal end) const = 0;

    // `ordinal` is one of a window.
    virtual std::string key(Ordinal ordinal) const = 0;
    // Errors: invalid_argument / "bad_key", not_found / "no_such_partition".
    virtual Result<Ordinal> parse(std::string_view key) const = 0;

    // How many windows have first ≤ ordinal < end; cron: at most kCronWindowsMax.
    uint64_t count(Ordinal first, Ordinal end) const;
    // The window `steps` windows before `ordinal`; the first of all where there are fewer.
    Ordinal step_back(Ordinal ordinal, int steps) const;

 private:
    std::shared_ptr<const Zone> zone_;
};

// `spec.unit` decides which. `spec.every` and the zone are already checked.
std::unique_ptr<TimeAxis> make_civil_axis(
    const TimeWindows& spec, std::shared_ptr<const Zone> zone
);
std::unique_ptr<TimeAxis> make_clock_axis(
    const TimeWindows& spec, std::shared_ptr<const Zone> zone
);
struct CronSpec;
std::unique_ptr<TimeAxis> make_cron_axis(const CronSpec& cron, std::shared_ptr<const Zone> zone);

// The first instant from which on all offsets of the zone are whole minutes.
int64_t whole_minutes_from_s(const Zone& zone);

// A key of the form DATE, DATE"T"HH or DATE"T"HH:MM, with or without an offset.
enum class KeyForm { kMonth, kDay, kHour, kMinute };
struct KeyTime {
    int64_t local_s = 0;
    std::optional<int32_t> offset_s;
};
// Absent when `key` has not that form or names a date or time that no calendar or clock has.
std::optional<KeyTime> read_key(std::string_view key, KeyForm form);
std::string write_key(int64_t local_s, KeyForm form);
// The key of the window that starts at start_s: hours and minutes carry the offset, but not in UTC.
std::string write_zoned_key(int64_t start_s, KeyForm form, const Zone& zone);
// Checks the form of an hour or minute key; says what to write instead.
Result<KeyTime> read_zoned_key(std::string_view key, KeyForm form, const Zone& zone);

Error bad_key(std::string_view key, std::string_view expected);
Error no_such_partition(std::string_view key, std::string_view why);

}  // namespace servo::model
