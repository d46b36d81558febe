// Cron expressions of five fields: minute, hour, day of month, month, day of week. Lists, ranges,
// steps ("*/5", "8-18/2"), names ("jan", "mon"), 7 for Sunday. A day matches when both day fields
// do; when neither begins with "*", one is enough. Plain data; pure.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/civil.h"

namespace servo::model {

constexpr size_t kCronTextMax = 256;

struct CronSpec {
    std::vector<int> minutes_of_day;  // ascending, at least one
    std::bitset<32> days;             // 1..31
    std::bitset<13> months;           // 1..12
    std::bitset<7> weekdays;          // 0 = Monday
    bool any_day_field = false;       // neither day field begins with "*"
    bool operator==(const CronSpec&) const = default;

    bool matches(Date date, int weekday) const;
    // The nearest match at or after / strictly before a local time in minutes since the epoch;
    // absent beyond the years 1 to 9999.
    std::optional<int64_t> next(int64_t local_min) const;
    std::optional<int64_t> previous(int64_t local_min) const;
};

// Refuses what never happens ("0 0 31 2 *"). Error: invalid_argument / "bad_cron".
Result<CronSpec> parse_cron(std::string_view text);

}  // namespace servo::model
