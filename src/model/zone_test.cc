#include "model/zone.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/prng.h"
#include "model/civil.h"

namespace servo::model {
namespace {

std::shared_ptr<const Zone> zone(std::string_view name) {
    return Zone::load(name).value();
}

Instant at(const char* text) {
    return servo::instant_of(parse_civil_time(text).value());
}

int32_t offset_minutes(const char* name, const char* text) {
    return zone(name)->offset_at(to_ms(at(text)) / 1000) / 60;
}

TEST(Zone, OffsetsOfKnownInstants) {
    EXPECT_EQ(offset_minutes("Europe/Berlin", "2024-03-31T00:59:59Z"), 60);
    EXPECT_EQ(offset_minutes("Europe/Berlin", "2024-03-31T01:00:00Z"), 120);
    EXPECT_EQ(offset_minutes("America/New_York", "2024-11-03T06:00:00Z"), -300);
    EXPECT_EQ(offset_minutes("Asia/Kathmandu", "2024-01-01T00:00:00Z"), 345);
    EXPECT_EQ(offset_minutes("Australia/Lord_Howe", "2024-01-01T00:00:00Z"), 660);
    EXPECT_EQ(offset_minutes("Africa/Casablanca", "2024-03-20T00:00:00Z"), 0);  // Ramadan
    EXPECT_EQ(offset_minutes("Africa/Casablanca", "2024-06-20T00:00:00Z"), 60);
    EXPECT_EQ(offset_minutes("Antarctica/Troll", "2024-07-01T00:00:00Z"), 120);
    EXPECT_EQ(offset_minutes("Europe/Dublin", "2024-07-01T00:00:00Z"), 60);
    EXPECT_EQ(offset_minutes("UTC", "1900-01-01T00:00:00Z"), 0);
}

// Beyond the stored transitions the footer's rule goes on.
TEST(Zone, FooterRuleAfter2037) {
    EXPECT_EQ(offset_minutes("Europe/Berlin", "2045-03-26T00:59:59Z"), 60);
    EXPECT_EQ(offset_minutes("Europe/Berlin", "2045-03-26T01:00:00Z"), 120);
    EXPECT_EQ(offset_minutes("Europe/Berlin", "9999-07-01T00:00:00Z"), 120);
    EXPECT_EQ(offset_minutes("America/Santiago", "2050-01-01T00:00:00Z"), -180);
    EXPECT_EQ(offset_minutes("America/Santiago", "2050-07-01T00:00:00Z"), -240);
    EXPECT_EQ(offset_minutes("America/Nuuk", "2050-07-01T00:00:00Z"), -60);
    EXPECT_EQ(offset_minutes("Australia/Lord_Howe", "2050-07-01T00:00:00Z"), 630);
    EXPECT_EQ(offset_minutes("Asia/Tokyo", "2050-07-01T00:00:00Z"), 540);
}

TEST(Zone, UtcHasThreeNames) {
    for (const char* name : {"UTC", "Etc/UTC", "Z"}) {
        EXPECT_TRUE(zone(name)->is_utc()) << name;
        EXPECT_EQ(zone(name)->name(), "UTC");
    }
    EXPECT_FALSE(zone("Etc/GMT")->is_utc());
}

TEST(Zone, UnknownNamesGetTheNearest) {
    const auto error = [](std::string_view name) { return Zone::load(name).error(); };
    EXPECT_EQ(error("Europe/Berln").reason, "bad_timezone");
    EXPECT_NE(
        error("Europe/Berln").message.find("Did you mean \"Europe/Berlin\"?"), std::string::npos
    );
    EXPECT_NE(error("america/new_york").message.find("America/New_York"), std::string::npos);
    EXPECT_NE(error("qqqqqqqq").message.find("UTC"), std::string::npos);
}

TEST(Zone, NamesCannotLeaveTheDatabase) {
    for (const char* name :
         {"",
          "/etc/passwd",
          "../zoneinfo/UTC",
          "Europe/../Europe/Berlin",
          "localtime",
          "posixrules",
          "right/Europe/Berlin",
          "Europe",
          "Europe/",
          "/Europe/Berlin",
          "Europe//Berlin",
          "zone.tab",
          "Europe/Berlin\n",
          "Local"}) {
        const auto loaded = Zone::load(name);
        ASSERT_FALSE(loaded.has_value()) << name;
        EXPECT_EQ(loaded.error().reason, "bad_timezone") << name;
    }
    EXPECT_FALSE(Zone::load(std::string("UTC\0x", 5)).has_value());
    EXPECT_FALSE(Zone::load(std::string(100'000, 'A')).has_value());
}

TEST(Zone, FirstInstantOfSkippedAndRepeatedTimes) {
    const auto berlin = zone("Europe/Berlin");
    const auto first = [&](const char* local) {
        return format_rfc3339(instant_of(parse_civil_time(local).value(), *berlin), *berlin);
    };
    EXPECT_EQ(first("2024-03-31T02:30"), "2024-03-31T03:00:00+02:00");  // skipped
    EXPECT_EQ(first("2024-10-27T02:30"), "2024-10-27T02:30:00+02:00");  // the first of two
    EXPECT_EQ(first("2024-10-27T02:30+01:00"), "2024-10-27T02:30:00+01:00");
    EXPECT_EQ(first("2024-06-01T12:00:00.250"), "2024-06-01T12:00:00.250+02:00");
    EXPECT_EQ(first("2024-06-01"), "2024-06-01T00:00:00+02:00");
}

TEST(Zone, TextOfInstants) {
    EXPECT_EQ(format_rfc3339(at("2024-01-01T00:00Z"), *zone("UTC")), "2024-01-01T00:00:00Z");
    EXPECT_EQ(
        format_rfc3339(at("2024-01-01T00:00Z"), *zone("Europe/London")), "2024-01-01T00:00:00+00:00"
    );
    EXPECT_EQ(
        format_rfc3339(at("2024-01-01T00:00Z"), *zone("America/St_Johns")),
        "2023-12-31T20:30:00-03:30"
    );
    // Local mean time of Berlin was +00:53:28: the offset is cut, the instant stays.
    const std::string old = format_rfc3339(at("1880-01-01T00:00:00Z"), *zone("Europe/Berlin"));
    EXPECT_EQ(old, "1880-01-01T00:53:00+00:53");
    EXPECT_EQ(servo::instant_of(parse_civil_time(old).value()), at("1880-01-01T00:00:00Z"));
}

// first_instant and first_local against a walk over every minute around a transition.
TEST(ZoneProperty, FirstInstantIsTheFirstPassage) {
    for (const char* name :
         {"Europe/Berlin",
          "Pacific/Apia",
          "Antarctica/Casey",
          "Pacific/Kwajalein",
          "America/Sao_Paulo",
          "Australia/Lord_Howe"}) {
        const auto z = zone(name);
        Prng prng(5);
        for (size_t i = 1; i < z->stretches().size() && z->stretches()[i].from_s < 3'000'000'000;
             ++i) {
            const int64_t change_s = z->stretches()[i].from_s;
            const int64_t begin_s = change_s - 30 * 3600;
            const int64_t before_s = z->first_local(begin_s);
            const int64_t local_s = before_s + prng.between(0, 60 * 60) * 60;
            int64_t walk_s = begin_s;
            while (walk_s + z->offset_at(walk_s) < local_s) {
                ++walk_s;
                if ((walk_s - change_s) % 60 != 0 && walk_s + z->offset_at(walk_s) < local_s - 60) {
                    walk_s += 59 - floor_mod(walk_s - change_s - 1, 60);
                }
            }
            ASSERT_EQ(z->first_instant(local_s), walk_s) << name << " " << change_s;
            const int64_t inverse_s = z->first_local(walk_s);
            ASSERT_LE(inverse_s, local_s);
            ASSERT_EQ(z->first_instant(inverse_s), walk_s);
            ASSERT_LT(z->first_instant(inverse_s - 1), walk_s);
        }
    }
}

TEST(Zone, LoadsOnceAndFromManyThreads) {
    std::vector<std::shared_ptr<const Zone>> seen(8);
    std::vector<std::thread> threads;
    for (auto& slot : seen) {
        threads.emplace_back([&slot] { slot = Zone::load("Asia/Tashkent").value(); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const auto& z : seen) {
        EXPECT_EQ(z, seen.front());
    }
}

std::string tz_bytes(
    const std::string& footer, const std::string& body_counts, const std::string& body
) {
    const std::string zeros(20 - 5, '\0');
    const std::string empty = "TZif2" + zeros + std::string(24, '\0');
    return empty + "TZif2" + zeros + body_counts + body + footer;
}

const std::string kOneType = std::string("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4", 24);
const std::string kUtcType = std::string("\0\0\0\0\0\0UTC\0", 10);

TEST(TzFile, MinimalFileAndRules) {
    EXPECT_EQ(parse_tz_file(tz_bytes("\nUTC0\n", kOneType, kUtcType)).value().size(), 1u);
    const auto ruled = [](const char* rule) {
        return parse_tz_file(tz_bytes(std::string("\n") + rule + "\n", kOneType, kUtcType));
    };
    // Julian day 60 is March 1 in every year; zero-based day 59 is February 29 in leap years.
    const auto julian = ruled("UTC0DDD,J60/0,J61/0").value();
    const auto zero_based = ruled("UTC0DDD,59/0,60/0").value();
    const auto starts = [](const std::vector<ZoneStretch>& s, Date date) {
        const int64_t from_s = day_number(date) * kSecondsPerDay;
        return std::any_of(s.begin(), s.end(), [&](const ZoneStretch& x) {
            return x.from_s == from_s && x.offset_s == 3600;
        });
    };
    EXPECT_TRUE(starts(julian, {2024, 3, 1}));
    EXPECT_TRUE(starts(julian, {2023, 3, 1}));
    EXPECT_TRUE(starts(zero_based, {2024, 2, 29}));
    EXPECT_TRUE(starts(zero_based, {2023, 3, 1}));
}

TEST(TzFile, DamageIsAnError) {
    const std::string good = tz_bytes("\nCET-1CEST,M3.5.0,M10.5.0/3\n", kOneType, kUtcType);
    ASSERT_TRUE(parse_tz_file(good).has_value());
    for (size_t cut = 0; cut < good.size(); ++cut) {
        EXPECT_FALSE(parse_tz_file(good.substr(0, cut)).has_value()) << cut;
    }
    for (const char* footer :
         {"C-1",
          "CET",
          "CET-1CEST,M3.5.0",
          "CET-1CEST,M13.5.0,M10.5.0",
          "CET-1CEST,M3.6.0,M10.5.0",
          "<CET-1",
          "CET-1x",
          "CET-99"}) {
        EXPECT_FALSE(parse_tz_file(tz_bytes(std::string("\n") + footer + "\n", kOneType, kUtcType))
                         .has_value()
        ) << footer;
    }
    Prng prng(1);
    for (int i = 0; i < 300; ++i) {  // any damage: an error or a usable zone, never a crash
        std::string bytes = good;
        bytes[prng.below(bytes.size())] = static_cast<char>(prng.below(256));
        const auto parsed = parse_tz_file(bytes);
        if (parsed.has_value()) {
            EXPECT_FALSE(parsed->empty());
        } else {
            EXPECT_EQ(parsed.error().reason, "bad_tz_file");
        }
    }
}

}  // namespace
}  // namespace servo::model
