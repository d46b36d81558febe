// A compiled time dimension: its windows, its bounds, and which windows a selection may take at a
// given instant. Internal to the partition schemes. Immutable; safe to share between threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/partition_scheme.h"
#include "model/time_axis.h"

namespace servo::model {

enum class Bound { kStart, kExclusiveEnd, kInclusiveEnd };

// What a selection takes of the time dimension.
struct TimeSelection {
    std::vector<OrdinalRun> windows;
    int64_t start_s = 0;  // what was asked for, within the bounds of the scheme
    int64_t end_s = 0;
    uint64_t cut_by_bounds = 0;
    uint64_t not_yet_ended = 0;
};

class TimeDimension {
 public:
    // Checks `spec`; on errors appends them under `path` and returns nothing.
    static std::optional<TimeDimension> compile(
        const TimeWindows& spec, const std::string& path, std::vector<FieldError>& errors
    );

    const TimeAxis& axis() const { return *axis_; }
    // Windows from here on had not ended at `now`, or are held back by end_offset.
    Ordinal eligible_end(Instant now) const;
    // The window of a key that lies within start and end. Errors: as TimeAxis::parse.
    Result<Ordinal> parse(std::string_view key) const;
    // Windows whose start lies in [start, end), both as typed. Without `end`: all that have started
    // by `now`. Errors: invalid_argument / "bad_time", "empty_range", "too_many_partitions".
    Result<TimeSelection> select(const std::string& start, const std::string& end, Instant now)
        const;

 private:
    std::unique_ptr<TimeAxis> axis_;
    int64_t start_s_ = 0;
    int64_t end_s_ = kTimeEndS;
    Ordinal first_ = 0;
    Ordinal end_ = 0;
    int end_offset_ = 0;
};

// The instant in whole seconds of a bound as typed: "2024-01", "2024-01-29" or a time, without an
// offset on the zone's clock. Of an inclusive end: the first instant after the month or date; a
// time is always exclusive. Error: invalid_argument / "bad_time".
Result<int64_t> read_bound(std::string_view text, Bound bound, const Zone& zone);

}  // namespace servo::model
