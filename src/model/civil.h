// Calendar arithmetic on plain integers: days and seconds since 1970-01-01 of a clock that knows no
// zone ("local seconds"). Gregorian calendar, years 1 to 9999. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>

namespace servo::model {

constexpr int64_t kSecondsPerMinute = 60;
constexpr int64_t kSecondsPerHour = 3600;
constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kMinutesPerDay = 1440;
constexpr int kYearMin = 1;
constexpr int kYearMax = 9999;

constexpr int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
constexpr int64_t ceil_div(int64_t a, int64_t b) {
    return -floor_div(-a, b);
}
constexpr int64_t floor_mod(int64_t a, int64_t b) {
    return a - floor_div(a, b) * b;
}

struct Date {
    int year = 1970;
    int month = 1;
    int day = 1;
    bool operator==(const Date&) const = default;
};

constexpr bool date_exists(Date d) {
    return std::chrono::year_month_day(
               std::chrono::year(d.year),
               std::chrono::month(static_cast<unsigned>(d.month)),
               std::chrono::day(static_cast<unsigned>(d.day))
    )
        .ok();
}

constexpr int64_t day_number(Date d) {
    const std::chrono::sys_days days = std::chrono::year_month_day(
        std::chrono::year(d.year),
        std::chrono::month(static_cast<unsigned>(d.month)),
        std::chrono::day(static_cast<unsigned>(d.day))
    );
    return days.time_since_epoch().count();
}

constexpr Date date_of(int64_t day) {
    const std::chrono::year_month_day d(
        std::chrono::sys_days(std::chrono::days(static_cast<int>(day)))
    );
    return {
        static_cast<int>(d.year()),
        static_cast<int>(static_cast<unsigned>(d.month())),
        static_cast<int>(static_cast<unsigned>(d.day()))};
}

// 0 = Monday … 6 = Sunday; 1970-01-01 was a Thursday.
constexpr int weekday_of(int64_t day) {
    return static_cast<int>(floor_mod(day + 3, 7));
}

constexpr int64_t kFirstDay = day_number({kYearMin, 1, 1});
constexpr int64_t kLastDay = day_number({kYearMax, 12, 31});

}  // namespace servo::model
