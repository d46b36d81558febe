// Tables of windows where clocks change, and properties that hold for every scheme of time.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "base/prng.h"
#include "model/scheme_test_support.h"
#include "model/zone.h"

namespace servo::model {
namespace {

using Rows = std::vector<std::string>;

TEST(DayWindows, BerlinBothSwitches) {
    const SchemePtr days = scheme_of(Unit::kDay, 1, "Europe/Berlin", "2024-01-01");
    EXPECT_EQ(
        rows(*days, range("2024-03-30", "2024-04-01")),
        (Rows{
            "2024-03-30 2024-03-29T23:00 2024-03-30T23:00",
            "2024-03-31 2024-03-30T23:00 2024-03-31T22:00",  // 23 h
            "2024-04-01 2024-03-31T22:00 2024-04-01T22:00",
        })
    );
    EXPECT_EQ(
        rows(*days, range("2024-10-27", "2024-10-27")),
        (Rows{"2024-10-27 2024-10-26T22:00 2024-10-27T23:00"})  // 25 h
    );
    EXPECT_EQ(days->parse_key("1970-01-02").error().reason, "no_such_partition");
    EXPECT_EQ(days->parse_key("2024-01-01").value(), 19723);
}

TEST(DayWindows, ApiaSkipsADate) {
    const SchemePtr days = scheme_of(Unit::kDay, 1, "Pacific/Apia", "2011-12-01");
    EXPECT_EQ(
        rows(*days, range("2011-12-29", "2011-12-31")),
        (Rows{
            "2011-12-29 2011-12-29T10:00 2011-12-30T10:00",
            "2011-12-31 2011-12-30T10:00 2011-12-31T10:00",
        })
    );
    const auto skipped = days->parse_key("2011-12-30");
    ASSERT_FALSE(skipped.has_value());
    EXPECT_EQ(skipped.error().reason, "no_such_partition");
    EXPECT_NE(skipped.error().message.find("Pacific/Apia skips it"), std::string::npos);
    EXPECT_FALSE(days->describe(15338).has_value());
    // The hours of the skipped date vanish as well.
    const SchemePtr hours = scheme_of(Unit::kHours, 1, "Pacific/Apia", "2011-12-01");
    EXPECT_EQ(
        rows(*hours, range("2011-12-29T23:00", "2011-12-31T01:00")),
        (Rows{
            "2011-12-29T23-10:00 2011-12-30T09:00 2011-12-30T10:00",
            "2011-12-31T00+14:00 2011-12-30T10:00 2011-12-30T11:00",
        })
    );
}

TEST(DayWindows, KwajaleinRepeatsADate) {
    const SchemePtr days = scheme_of(Unit::kDay, 1, "Pacific/Kwajalein", "1969-09-01");
    EXPECT_EQ(
        rows(*days, range("1969-09-29", "1969-10-01")),
        (Rows{
            "1969-09-29 1969-09-28T13:00 1969-09-29T13:00",
            "1969-09-30 1969-09-29T13:00 1969-10-01T12:00",  // 47 h: the date came twice
            "1969-10-01 1969-10-01T12:00 1969-10-02T12:00",
        })
    );
}

TEST(DayWindows, SaoPauloSkipsMidnight) {
    const SchemePtr days = scheme_of(Unit::kDay, 1, "America/Sao_Paulo", "2018-01-01");
    EXPECT_EQ(
        rows(*days, range("2018-11-03", "2018-11-04")),
        (Rows{
            "2018-11-03 2018-11-03T03:00 2018-11-04T03:00",
            "2018-11-04 2018-11-04T03:00 2018-11-05T02:00",
        })
    );
    const PartitionInfo info = days->describe(days->parse_key("2018-11-04").value()).value();
    EXPECT_EQ(info.start_text, "2018-11-04T01:00:00-02:00");
    EXPECT_EQ(info.end_text, "2018-11-05T00:00:00-02:00");
    // The hour before midnight comes twice in February; the date begins once.
    EXPECT_EQ(
        rows(*days, range("2018-02-17", "2018-02-18")),
        (Rows{
            "2018-02-17 2018-02-17T02:00 2018-02-18T03:00",
            "2018-02-18 2018-02-18T03:00 2018-02-19T03:00",
        })
    );
}

TEST(HourWindows, BerlinBothSwitches) {
    const SchemePtr hours = scheme_of(Unit::kHours, 1, "Europe/Berlin", "2024-01-01");
    EXPECT_EQ(
        rows(*hours, range("2024-03-31T01:00", "2024-03-31T05:00")),
        (Rows{
            "2024-03-31T01+01:00 2024-03-31T00:00 2024-03-31T01:00",
            "2024-03-31T03+02:00 2024-03-31T01:00 2024-03-31T02:00",
            "2024-03-31T04+02:00 2024-03-31T02:00 2024-03-31T03:00",
        })
    );
    EXPECT_EQ(
        rows(*hours, range("2024-10-27T01:00", "2024-10-27T04:00")),
        (Rows{
            "2024-10-27T01+02:00 2024-10-26T23:00 2024-10-27T00:00",
            "2024-10-27T02+02:00 2024-10-27T00:00 2024-10-27T01:00",
            "2024-10-27T02+01:00 2024-10-27T01:00 2024-10-27T02:00",
            "2024-10-27T03+01:00 2024-10-27T02:00 2024-10-27T03:00",
        })
    );
}

TEST(HourWindows, SixHoursAcrossASwitch) {
    const SchemePtr hours = scheme_of(Unit::kHours, 6, "America/New_York", "2024-01-01");
    EXPECT_EQ(
        rows(*hours, range("2024-03-10", "2024-03-10")),
        (Rows{
            "2024-03-10T00-05:00 2024-03-10T05:00 2024-03-10T10:00",  // 5 h
            "2024-03-10T06-04:00 2024-03-10T10:00 2024-03-10T16:00",
            "2024-03-10T12-04:00 2024-03-10T16:00 2024-03-10T22:00",
            "2024-03-10T18-04:00 2024-03-10T22:00 2024-03-11T04:00",
        })
    );
    // A boundary that is skipped starts at the transition, which shows 03:00.
    const SchemePtr pairs = scheme_of(Unit::kHours, 2, "America/New_York", "2024-01-01");
    EXPECT_EQ(
        rows(*pairs, range("2024-03-10T00:00", "2024-03-10T06:00")),
        (Rows{
            "2024-03-10T00-05:00 2024-03-10T05:00 2024-03-10T07:00",
            "2024-03-10T03-04:00 2024-03-10T07:00 2024-03-10T08:00",
            "2024-03-10T04-04:00 2024-03-10T08:00 2024-03-10T10:00",
        })
    );
}

TEST(HourWindows, LordHoweShiftsHalfAnHour) {
    const SchemePtr hours = scheme_of(Unit::kHours, 1, "Australia/Lord_Howe", "2024-01-01");
    EXPECT_EQ(
        rows(*hours, range("2024-10-06T01:00", "2024-10-06T04:00")),
        (Rows{
            "2024-10-06T01+10:30 2024-10-05T14:30 2024-10-05T15:30",
            "2024-10-06T02+11:00 2024-10-05T15:30 2024-10-05T16:00",  // 02:00 is skipped: half an
                                                                      // hour
            "2024-10-06T03+11:00 2024-10-05T16:00 2024-10-05T17:00",
        })
    );
    EXPECT_EQ(
        rows(*hours, range("2024-04-07T01:00", "2024-04-07T03:00")),
        (Rows{
            "2024-04-07T01+11:00 2024-04-06T14:00 2024-04-06T15:30",  // 01:30-02:00 comes twice
            "2024-04-07T02+10:30 2024-04-06T15:30 2024-04-06T16:30",
        })
    );
    const SchemePtr quarters = scheme_of(Unit::kMinutes, 15, "Australia/Lord_Howe", "2024-01-01");
    EXPECT_EQ(
        rows(*quarters, range("2024-04-07T01:30", "2024-04-07T02:15")),
        (Rows{
            "2024-04-07T01:30+11:00 2024-04-06T14:30 2024-04-06T14:45",
            "2024-04-07T01:45+11:00 2024-04-06T14:45 2024-04-06T15:00",
            "2024-04-07T01:30+10:30 2024-04-06T15:00 2024-04-06T15:15",
            "2024-04-07T01:45+10:30 2024-04-06T15:15 2024-04-06T15:30",
            "2024-04-07T02:00+10:30 2024-04-06T15:30 2024-04-06T15:45",
        })
    );
}

TEST(MinuteWindows, UtcAndKathmandu) {
    const SchemePtr utc = scheme_of(Unit::kMinutes, 15, "UTC", "2024-01-01");
    EXPECT_EQ(
        rows(*utc, range("2024-01-29T05:00", "2024-01-29T05:30")),
        (Rows{
            "2024-01-29T05:00 2024-01-29T05:00 2024-01-29T05:15",
            "2024-01-29T05:15 2024-01-29T05:15 2024-01-29T05:30",
        })
    );
    const SchemePtr hours = scheme_of(Unit::kHours, 1, "Asia/Kathmandu", "2024-01-01");
    EXPECT_EQ(
        rows(*hours, range("2024-01-29T05:00", "2024-01-29T06:00")),
        (Rows{"2024-01-29T05+05:45 2024-01-28T23:15 2024-01-29T00:15"})
    );
}

TEST(HourWindows, CasablancaAndTroll) {
    const SchemePtr casablanca = scheme_of(Unit::kHours, 1, "Africa/Casablanca", "2024-01-01");
    EXPECT_EQ(
        rows(*casablanca, range("2024-03-10T02:00", "2024-03-10T03:00")),
        (Rows{
            "2024-03-10T02+01:00 2024-03-10T01:00 2024-03-10T02:00",
            "2024-03-10T02+00:00 2024-03-10T02:00 2024-03-10T03:00",
        })
    );
    const SchemePtr troll = scheme_of(Unit::kHours, 1, "Antarctica/Troll", "2024-01-01");
    EXPECT_EQ(
        rows(*troll, range("2024-03-31T00:00", "2024-03-31T04:00")),
        (Rows{
            "2024-03-31T00+00:00 2024-03-31T00:00 2024-03-31T01:00",
            "2024-03-31T03+02:00 2024-03-31T01:00 2024-03-31T02:00",  // two hours are skipped
        })
    );
}

TEST(DayWindows, FarFutureFollowsTheRule) {
    const SchemePtr days = scheme_of(Unit::kDay, 1, "Europe/Berlin", "2024-01-01");
    EXPECT_EQ(
        rows(*days, range("2045-03-26", "2045-03-26")),
        (Rows{"2045-03-26 2045-03-25T23:00 2045-03-26T22:00"})
    );
    const PartitionInfo last = days->describe(days->parse_key("9999-12-31").value()).value();
    EXPECT_EQ(last.start_text, "9999-12-31T00:00:00+01:00");
}

TEST(WeekWindows, StartOnAnyWeekday) {
    TimeWindows time = windows(Unit::kWeek, 1, "Europe/Berlin", "2024-01-01");
    const SchemePtr mondays = compile(spec_of(time));
    EXPECT_EQ(
        rows(*mondays, range("2024-03-25", "2024-04-01")),
        (Rows{
            "2024-03-25 2024-03-24T23:00 2024-03-31T22:00",
            "2024-04-01 2024-03-31T22:00 2024-04-07T22:00",
        })
    );
    const auto tuesday = mondays->parse_key("2024-01-30");
    EXPECT_NE(tuesday.error().message.find("2024-01-29"), std::string::npos);
    time.week_start = Weekday::kSunday;
    const SchemePtr sundays = compile(spec_of(time));
    EXPECT_EQ(
        rows(*sundays, range("2024-01-01", "2024-01-07")).front().substr(0, 10), "2024-01-07"
    );
    EXPECT_TRUE(sundays->parse_key("2024-01-28").has_value());
    EXPECT_FALSE(sundays->parse_key("2024-01-29").has_value());
}

TEST(MonthWindows, KeysAndBounds) {
    const SchemePtr months = scheme_of(Unit::kMonth, 1, "Europe/Berlin", "2023-12-15");
    EXPECT_EQ(
        rows(*months, range("2023-12-01", "2024-02-28")),
        (Rows{
            "2024-01 2023-12-31T23:00 2024-01-31T23:00",
            "2024-02 2024-01-31T23:00 2024-02-29T23:00",
        })
    );
    EXPECT_EQ(months->parse_key("2024-01").value(), 54 * 12);
    EXPECT_EQ(
        rows(*months, range("2024-03", "2024-04")).size(), 2u
    );  // months as bounds, inclusive
    for (const char* bad : {"2024-1", "2024-13", "2024-01-01", "202401", "", "2024-00"}) {
        EXPECT_EQ(months->parse_key(bad).error().reason, "bad_key") << bad;
    }
}

TEST(CronWindows, RunFromFiringToFiring) {
    const SchemePtr weekly = cron_scheme("0 6 * * 1", "Europe/Berlin", "2024-01-01");
    EXPECT_EQ(
        rows(*weekly, range("2024-03-25", "2024-04-01")),
        (Rows{
            "2024-03-25T06:00+01:00 2024-03-25T05:00 2024-04-01T04:00",
            "2024-04-01T06:00+02:00 2024-04-01T04:00 2024-04-08T04:00",
        })
    );
}

TEST(CronWindows, SkippedAndRepeatedTimes) {
    const SchemePtr daily = cron_scheme("30 2 * * *", "Europe/Berlin", "2024-01-01");
    EXPECT_EQ(
        rows(*daily, range("2024-03-30", "2024-04-01")),
        (Rows{
            "2024-03-30T02:30+01:00 2024-03-30T01:30 2024-03-31T01:00",
            "2024-03-31T03:00+02:00 2024-03-31T01:00 2024-04-01T00:30",  // skipped: the transition
            "2024-04-01T02:30+02:00 2024-04-01T00:30 2024-04-02T00:30",
        })
    );
    EXPECT_EQ(
        rows(*daily, range("2024-10-27", "2024-10-27")),
        (Rows{"2024-10-27T02:30+02:00 2024-10-27T00:30 2024-10-28T01:30"})  // repeated: once
    );
    // Several skipped firings fall into one.
    const SchemePtr often = cron_scheme("*/20 * * * *", "Europe/Berlin", "2024-01-01");
    EXPECT_EQ(
        rows(*often, range("2024-03-31T01:40", "2024-03-31T03:40")),
        (Rows{
            "2024-03-31T01:40+01:00 2024-03-31T00:40 2024-03-31T01:00",
            "2024-03-31T03:00+02:00 2024-03-31T01:00 2024-03-31T01:20",
            "2024-03-31T03:20+02:00 2024-03-31T01:20 2024-03-31T01:40",
        })
    );
}

TEST(TimeKeys, FormsAreChecked) {
    const SchemePtr hours = scheme_of(Unit::kHours, 1, "Europe/Berlin", "2024-01-01");
    const auto message = [&](const char* key) { return hours->parse_key(key).error().message; };
    EXPECT_NE(message("2024-06-01T05").find("2024-06-01T05+02:00"), std::string::npos);
    EXPECT_EQ(hours->parse_key("2024-06-01T05+01:00").error().reason, "no_such_partition");
    EXPECT_NE(message("2024-06-01T05+01:00").find("2024-06-01T06+02:00"), std::string::npos);
    const SchemePtr utc = scheme_of(Unit::kHours, 1, "Z", "2024-01-01");
    EXPECT_NE(
        utc->parse_key("2024-06-01T05+02:00").error().message.find("2024-06-01T03"),
        std::string::npos
    );
    for (const char* bad :
         {"",
          "2024-06-01",
          "2024-06-01T5",
          "2024-06-01T24",
          "2024-06-01T05Z",
          "2024-06-01t05",
          "2024-06-01T05:00",
          "2024-02-30T05",
          "0000-01-01T00"}) {
        EXPECT_EQ(utc->parse_key(bad).error().reason, "bad_key") << bad;
    }
    EXPECT_EQ(utc->parse_key("2023-12-31T23").error().reason, "no_such_partition");
    const SchemePtr quarters = scheme_of(Unit::kMinutes, 15, "UTC", "2024-01-01");
    EXPECT_EQ(quarters->parse_key("2024-06-01T05:10").error().reason, "no_such_partition");
    EXPECT_EQ(quarters->parse_key("2024-06-01T05:15").value() * 60, 1717218900);
}

struct Sample {
    Unit unit;
    int every;
    const char* cron;
    const char* zone;
    const char* start;
    const char* end;
};

const Sample kSamples[] = {
    {Unit::kMinutes, 1, "", "Europe/Berlin", "2024-03-30", "2024-04-01"},
    {Unit::kMinutes, 20, "", "America/New_York", "2024-10-30", "2024-11-10"},
    {Unit::kMinutes, 30, "", "Australia/Lord_Howe", "2024-03-30", "2024-10-10"},
    {Unit::kMinutes, 15, "", "Asia/Kathmandu", "1985-12-25", "1986-01-05"},
    {Unit::kHours, 1, "", "Pacific/Apia", "2011-12-20", "2012-01-05"},
    {Unit::kHours, 3, "", "Antarctica/Casey", "2009-10-01", "2012-05-01"},
    {Unit::kHours, 2, "", "America/Sao_Paulo", "2017-10-01", "2019-03-01"},
    {Unit::kHours, 12, "", "Africa/Casablanca", "2020-01-01", "2030-01-01"},
    {Unit::kHours, 24, "", "Antarctica/Troll", "2038-01-01", "2042-01-01"},
    {Unit::kHours, 1, "", "Antarctica/Casey", "2020-09-28", "2020-10-10"},
    {Unit::kDay, 1, "", "Pacific/Apia", "2010-01-01", "2013-01-01"},
    {Unit::kDay, 1, "", "Pacific/Kwajalein", "1969-01-01", "1994-01-01"},
    {Unit::kDay, 1, "", "Europe/Berlin", "1890-01-01", "1900-01-01"},
    {Unit::kWeek, 1, "", "America/Sao_Paulo", "2000-01-01", "2020-01-01"},
    {Unit::kMonth, 1, "", "Asia/Kathmandu", "1980-01-01", "2050-01-01"},
    {Unit::kCron, 1, "*/7 1-3 * * *", "Europe/Berlin", "2024-01-01", "2025-01-01"},
    {Unit::kCron, 1, "0 0 * * *", "America/Sao_Paulo", "2016-01-01", "2020-01-01"},
    {Unit::kCron, 1, "59 23 29 2 *", "UTC", "1890-01-01", "2200-01-01"},
    {Unit::kCron, 1, "15 * * * *", "Australia/Lord_Howe", "2024-01-01", "2025-01-01"},
};

SchemePtr compile_sample(const Sample& sample) {
    TimeWindows time = windows(sample.unit, sample.every, sample.zone, sample.start);
    time.cron = sample.cron;
    return compile(spec_of(time));
}

TEST(TimeWindowsProperty, TileAndKeysAreIdentities) {
    for (const Sample& sample : kSamples) {
        SCOPED_TRACE(
            testing::Message() << sample.zone << " " << sample.every << " " << sample.cron
        );
        const SchemePtr scheme = compile_sample(sample);
        const Resolved all =
            scheme->resolve(range(sample.start, sample.end), at("2300-01-01")).value();
        ASSERT_GT(all.count, 2u);
        std::set<std::string> keys;
        std::optional<Instant> reached;
        for (const Ordinal ordinal : ordinals_of(all)) {
            const PartitionInfo info = scheme->describe(ordinal).value();
            ASSERT_LT(info.window->start, info.window->end) << info.key;
            if (reached.has_value()) {
                ASSERT_EQ(info.window->start, *reached) << info.key;
            }
            reached = info.window->end;
            ASSERT_EQ(scheme->parse_key(info.key).value(), ordinal) << info.key;
            ASSERT_TRUE(keys.insert(info.key).second) << info.key;
            ASSERT_EQ(
                to_ms(instant_of(parse_civil_time(info.start_text).value())),
                to_ms(info.window->start)
            );
        }
        ASSERT_EQ(keys.size(), all.count);
        ASSERT_EQ(scheme->describe(ordinals_of(all).front()).value().key, all.first_key);
        ASSERT_EQ(scheme->describe(ordinals_of(all).back()).value().key, all.last_key);
        // Numbers between those of windows belong to nothing.
        const OrdinalView view(all.ordinals);
        uint64_t known = 0;
        const Ordinal first = view.at(0);
        const Ordinal last = std::min(view.at(view.size() - 1), first + 20'000);
        for (Ordinal o = first; o <= last; ++o) {
            known += scheme->describe(o).has_value() ? 1 : 0;
            ASSERT_EQ(scheme->describe(o).has_value(), view.index_of(o).has_value()) << o;
        }
        ASSERT_GT(known, 0u);
    }
}

// Cutting a range in two at any window gives the same windows; so start and end move no ordinal.
TEST(TimeWindowsProperty, OrdinalsDoNotDependOnBounds) {
    Prng prng(23);
    for (const Sample& sample : kSamples) {
        SCOPED_TRACE(
            testing::Message() << sample.zone << " " << sample.every << " " << sample.cron
        );
        const SchemePtr scheme = compile_sample(sample);
        const std::vector<Ordinal> all =
            ordinals_of(scheme->resolve(range(sample.start, sample.end), at("2300-01-01")).value());
        for (int round = 0; round < 5; ++round) {
            const size_t cut = 1 + prng.below(all.size() - 1);
            const PartitionInfo middle = scheme->describe(all[cut]).value();
            TimeWindows moved =
                windows(sample.unit, sample.every, sample.zone, middle.start_text.c_str());
            moved.cron = sample.cron;
            const SchemePtr later = compile(spec_of(moved));
            EXPECT_EQ(later->parse_key(middle.key).value(), all[cut]);
            const std::string middle_utc = format_rfc3339(middle.window->start);
            std::vector<Ordinal> joined = ordinals_of(
                scheme->resolve(range(sample.start, middle_utc.c_str()), at("2300-01-01")).value()
            );
            ASSERT_EQ(joined.size(), cut);
            const Selection rest = range("", sample.end);
            for (const Ordinal o : ordinals_of(later->resolve(rest, at("2300-01-01")).value())) {
                joined.push_back(o);
            }
            ASSERT_EQ(joined, all);
        }
    }
}

TEST(TimeWindows, TenMillionWindowsAreAFewRuns) {
    const SchemePtr minutes = scheme_of(Unit::kMinutes, 1, "UTC", "2000-01-01");
    const Resolved utc = minutes->resolve(range("2005-01-01", "2024-01-10"), at(kLater)).value();
    EXPECT_GT(utc.count, 10'000'000u);
    EXPECT_EQ(utc.ordinals.size(), 1u);
    const SchemePtr berlin = scheme_of(Unit::kMinutes, 5, "Europe/Berlin", "1980-01-01");
    const Resolved local =
        berlin->resolve(range("1981-01-01", "2080-12-31"), at("2200-01-01")).value();
    EXPECT_GT(local.count, 10'000'000u);
    EXPECT_EQ(local.ordinals.size(), 1u);  // whole hours shift no multiple of five minutes
    const SchemePtr six = scheme_of(Unit::kHours, 6, "Europe/Berlin", "1980-01-01");
    const Resolved shifts =
        six->resolve(range("1981-01-01", "2080-12-31"), at("2200-01-01")).value();
    EXPECT_LE(shifts.ordinals.size(), 3 * 201u);
    const SchemePtr days = scheme_of(Unit::kDay, 1, "Pacific/Apia", "2000-01-01");
    const Resolved dates = days->resolve(range("2000-01-01", "2024-12-31"), at(kLater)).value();
    EXPECT_EQ(dates.ordinals.size(), 2u);  // one date is missing
}

TEST(TimeWindows, LimitsAreNamed) {
    const SchemePtr minutes = scheme_of(Unit::kMinutes, 1, "UTC", "1000-01-01");
    const auto huge = minutes->resolve(range("1000-01-01", "2024-01-01"), at(kLater));
    ASSERT_FALSE(huge.has_value());
    EXPECT_EQ(huge.error().reason, "too_many_partitions");
    const SchemePtr cron = cron_scheme("* * * * *", "UTC", "2000-01-01");
    EXPECT_EQ(
        cron->resolve(range("2000-01-01", "2024-01-01"), at(kLater)).error().reason,
        "too_many_partitions"
    );
    EXPECT_EQ(cron->resolve(range("2024-01-01", "2024-01-31"), at(kLater)).value().count, 44'640u);
}

}  // namespace
}  // namespace servo::model
