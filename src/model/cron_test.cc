#include "model/cron.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/prng.h"
#include "base/rfc3339.h"
#include "base/text.h"

namespace servo::model {
namespace {

int64_t minute(const char* text) {
    return to_ms(instant_of(parse_civil_time(text).value())) / 60'000;
}

std::string text_of(std::optional<int64_t> local_min) {
    return local_min.has_value() ? format_rfc3339(instant_ms(*local_min * 60'000)).substr(0, 16)
                                 : "none";
}

std::string next(const char* cron, const char* from) {
    return text_of(parse_cron(cron).value().next(minute(from)));
}

TEST(Cron, NextMatch) {
    EXPECT_EQ(next("0 6 * * 1", "2024-01-29T06:00"), "2024-01-29T06:00");
    EXPECT_EQ(next("0 6 * * 1", "2024-01-29T06:01"), "2024-02-05T06:00");
    EXPECT_EQ(next("*/15 8-10 * * *", "2024-01-29T10:46"), "2024-01-30T08:00");
    EXPECT_EQ(next("5,35 0 1 jan,JUL *", "2024-01-01T00:06"), "2024-01-01T00:35");
    EXPECT_EQ(next("5,35 0 1 jan,JUL *", "2024-01-01T00:36"), "2024-07-01T00:05");
    EXPECT_EQ(next("0 0 29 2 *", "2024-03-01T00:00"), "2028-02-29T00:00");
    EXPECT_EQ(next("0 0 29 2 *", "2096-03-01T00:00"), "2104-02-29T00:00");  // 2100 is no leap year
    EXPECT_EQ(next("0 0 * * 7", "2024-01-01T00:00"), "2024-01-07T00:00");
    EXPECT_EQ(next("0 0 * * fri-sun", "2024-01-07T00:01"), "2024-01-12T00:00");
    EXPECT_EQ(next("  0\t0 * *  0 ", "2024-01-01T00:00"), "2024-01-07T00:00");
    EXPECT_EQ(next("0 0 31 12 *", "9999-12-31T00:01"), "none");
}

// Two restricted day fields: one is enough. A field that begins with * restricts no more than it
// says.
TEST(Cron, DayOfMonthOrDayOfWeek) {
    EXPECT_EQ(next("0 0 13 * 5", "2024-01-01T00:00"), "2024-01-05T00:00");
    EXPECT_EQ(next("0 0 13 * 5", "2024-01-12T00:01"), "2024-01-13T00:00");
    EXPECT_EQ(next("0 0 13 * *", "2024-01-01T00:00"), "2024-01-13T00:00");
    EXPECT_EQ(next("0 0 */2 * 1", "2024-01-02T00:00"), "2024-01-15T00:00");  // odd days and Mondays
}

TEST(Cron, PreviousMatchIsStrictlyBefore) {
    const CronSpec cron = parse_cron("30 4 * * *").value();
    EXPECT_EQ(text_of(cron.previous(minute("2024-01-29T04:30"))), "2024-01-28T04:30");
    EXPECT_EQ(text_of(cron.previous(minute("2024-01-29T04:31"))), "2024-01-29T04:30");
    EXPECT_EQ(text_of(cron.previous(minute("0001-01-01T04:30"))), "none");
}

TEST(Cron, RefusesWithAdvice) {
    const auto message = [](const char* text) {
        const Result<CronSpec> cron = parse_cron(text);
        EXPECT_FALSE(cron.has_value()) << text;
        return cron.has_value() ? std::string() : cron.error().message;
    };
    EXPECT_NE(message("@daily").find("write five"), std::string::npos);
    EXPECT_NE(message("0 6 * *").find("4 fields"), std::string::npos);
    EXPECT_NE(message("60 * * * *").find("minute"), std::string::npos);
    EXPECT_NE(message("0 0 31 2 *").find("never happens"), std::string::npos);
    EXPECT_NE(message("5/10 * * * *").find("write 5-59/10"), std::string::npos);
    EXPECT_NE(message("30-10 * * * *").find("backwards"), std::string::npos);
    for (const char* bad :
         {"",
          "* * * * * *",
          "*/0 * * * *",
          "-1 * * * *",
          "1, * * * *",
          "a * * * *",
          "* * 0 * *",
          "* * * 13 *",
          "* * * * 8",
          "* * * jann *",
          "1--2 * * * *",
          "1/ * * * *",
          "* * * * m",
          "* * ? * *",
          "0 0 30 2 */7"}) {
        message(bad);
    }
    EXPECT_FALSE(parse_cron(std::string(10'000, '*')).has_value());
}

// next and previous against a walk over all minutes with an independent reading of the fields.
TEST(CronProperty, AgreesWithAWalk) {
    Prng prng(17);
    for (int round = 0; round < 60; ++round) {
        const int64_t every = prng.between(1, 30);
        const int64_t hour = prng.between(0, 20);
        const int64_t day = prng.between(1, 28);
        const int64_t weekday = prng.between(0, 6);
        const bool star_day = prng.chance(1, 2);
        const std::string text = "*/" + std::to_string(every) + " " + std::to_string(hour) + "-" +
                                 std::to_string(hour + 3) + " " +
                                 (star_day ? "*" : std::to_string(day)) + " * " +
                                 std::to_string(weekday);
        const CronSpec cron = parse_cron(text).value();
        const auto fires = [&](int64_t t) {
            const Date date = date_of(t / 1440);
            const bool on_weekday = (t / 1440 + 4) % 7 == weekday;  // 1970-01-01 was day 4
            const bool on_day = star_day ? on_weekday : on_weekday || date.day == day;
            const int64_t h = t / 60 % 24;
            return on_day && h >= hour && h <= hour + 3 && t % 60 % every == 0;
        };
        const int64_t begin = minute("2023-12-20T00:00") + prng.between(0, 3000);
        int64_t expected = begin;
        while (!fires(expected)) {
            ++expected;
        }
        ASSERT_EQ(cron.next(begin), expected) << text;
        int64_t before = begin - 1;
        while (!fires(before)) {
            --before;
        }
        ASSERT_EQ(cron.previous(begin), before) << text;
    }
}

}  // namespace
}  // namespace servo::model
