// RFC 3339 date-times in UTC. Zone-aware forms are in model/zone.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace servo {

// "2024-01-29T05:15:00.250Z"; milliseconds only when they are not zero.
std::string format_rfc3339(Instant t);

// A date-time as typed: civil fields, and the offset when one was written.
struct CivilTime {
    int year = 0, month = 1, day = 1;
    int hour = 0, minute = 0, second = 0, millisecond = 0;
    bool has_time = false;              // false: a date alone
    std::optional<int> offset_minutes;  // absent: in the asset's zone
};

// Accepts "2024-01-29", "2024-01-29T05", "…T05:15", "…T05:15:30[.250]", each time form with an
// optional "Z" or "+02:00"; a space may stand for the T. Checks that the date exists.
// Error: invalid_argument / "bad_time".
Result<CivilTime> parse_civil_time(std::string_view text);

// The instant of `civil` at its own offset, or at UTC when it has none.
Instant instant_of(const CivilTime& civil);

}  // namespace servo
