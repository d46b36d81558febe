// Zone: the clock rules of one IANA time zone, from the system's tz database. The only place that
// reads it. "Local seconds" are what the zone's clock shows, counted as if it were UTC.
// Immutable; loaded once per name and process, safe to share between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/rfc3339.h"
#include "base/time.h"
#include "model/tz_file.h"

namespace servo::model {

class Zone {
 public:
    // "UTC", "Etc/UTC" and "Z" need no database. Errors: invalid_argument / "bad_timezone" with the
    // nearest name; failed_precondition / "no_tz_database"; internal / "bad_tz_file".
    static Result<std::shared_ptr<const Zone>> load(std::string_view name);

    const std::string& name() const { return name_; }
    bool is_utc() const { return is_utc_; }
    // Ascending; the first begins at kSinceEver.
    const std::vector<ZoneStretch>& stretches() const { return stretches_; }
    size_t stretch_at(int64_t at_s) const;
    int32_t offset_at(int64_t at_s) const { return stretches_[stretch_at(at_s)].offset_s; }

    // The first instant at which the clock shows `local_s` or later: the transition for a time that
    // is skipped, the first of two for one that is repeated. Never falls as local_s grows.
    int64_t first_instant(int64_t local_s) const;
    // The smallest local time whose first instant is at_s or later; the inverse of the above.
    int64_t first_local(int64_t at_s) const;

    Zone(std::string name, bool is_utc, std::vector<ZoneStretch> stretches)
        : name_(std::move(name)), is_utc_(is_utc), stretches_(std::move(stretches)) {}

 private:
    std::string name_;
    bool is_utc_ = false;
    std::vector<ZoneStretch> stretches_;
};

// "2024-10-27T02:00:00+01:00"; "Z" for UTC. Offsets that are no whole minutes (before 1972) are cut
// to minutes, and the local time with them, so that the instant stays exact.
std::string format_rfc3339(Instant t, const Zone& zone);
// "+02:00", "-03:30".
std::string format_offset(int32_t offset_s);

// The instant of `civil` at its own offset, else on the zone's clock as Zone::first_instant says.
Instant instant_of(const CivilTime& civil, const Zone& zone);

}  // namespace servo::model
