#include "server/pool_steps.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"
#include "base/text.h"

namespace servo::server {
namespace {

using model::PoolSpec;
using model::PoolWindow;

Instant at(const char* text) {
    return instant_of(parse_civil_time(text).value());
}

std::string steps_of(const PoolSpec& pool, const char* now, const char* ahead) {
    const auto steps = limit_steps(pool, at(now), parse_duration(ahead).value());
    if (!steps) {
        return steps.error().reason;
    }
    std::string out;
    for (const model::LimitStep& step : *steps) {
        out += (out.empty() ? "" : " ") + format_rfc3339(step.from).substr(5, 11) + "=" +
               std::to_string(step.concurrency);
    }
    return out;
}

PoolSpec pool_with(std::vector<PoolWindow> windows) {
    PoolSpec pool;
    pool.name = "warehouse";
    pool.concurrency = 8;
    pool.windows = std::move(windows);
    return pool;
}

const PoolWindow kNight{"0 1 * * *", Millis(4 * 3'600'000), "UTC", 2};

TEST(PoolSteps, NoneWithoutWindows) {
    EXPECT_EQ(steps_of(pool_with({}), "2024-01-01", "48h"), "");
}

TEST(PoolSteps, AWindowOpensAndCloses) {
    EXPECT_EQ(
        steps_of(pool_with({kNight}), "2024-01-01T00:00Z", "48h"),
        "01-01T00:00=8 01-01T01:00=2 01-01T05:00=8 01-02T01:00=2 01-02T05:00=8"
    );
}

TEST(PoolSteps, AWindowThatIsOpenNowCountsFromNow) {
    EXPECT_EQ(
        steps_of(pool_with({kNight}), "2024-01-01T03:00Z", "12h"), "01-01T03:00=2 01-01T05:00=8"
    );
}

TEST(PoolSteps, TheFirstOpenWindowCounts) {
    const PoolWindow closed{"0 2 * * *", Millis(3'600'000), "UTC", 0};
    EXPECT_EQ(
        steps_of(pool_with({closed, kNight}), "2024-01-01T00:00Z", "12h"),
        "01-01T00:00=8 01-01T01:00=2 01-01T02:00=0 01-01T03:00=2 01-01T05:00=8"
    );
    EXPECT_EQ(
        steps_of(pool_with({kNight, closed}), "2024-01-01T00:00Z", "12h"),
        "01-01T00:00=8 01-01T01:00=2 01-01T05:00=8"
    );
}

TEST(PoolSteps, TheZoneMovesWithItsClock) {
    // 1:00 in Berlin is 0:00 UTC in winter and 23:00 UTC in summer; the clock changes on 31 March.
    const PoolWindow berlin{"0 1 * * *", Millis(3'600'000), "Europe/Berlin", 2};
    EXPECT_EQ(
        steps_of(pool_with({berlin}), "2024-03-30T12:00Z", "48h"),
        "03-30T12:00=8 03-31T00:00=2 03-31T01:00=8 03-31T23:00=2 04-01T00:00=8"
    );
}

TEST(PoolSteps, OpeningsThatOverlapAreOne) {
    const PoolWindow hourly{"0 * * * *", Millis(2 * 3'600'000), "UTC", 3};
    EXPECT_EQ(steps_of(pool_with({hourly}), "2024-01-01T00:30Z", "24h"), "01-01T00:30=3");
}

TEST(PoolSteps, WithoutADeclaredLimitThereIsNoneOutsideWindows) {
    PoolSpec pool = pool_with({kNight});
    pool.concurrency = 0;
    EXPECT_EQ(
        steps_of(pool, "2024-01-01T00:00Z", "12h"), "01-01T00:00=-1 01-01T01:00=2 01-01T05:00=-1"
    );
}

TEST(PoolSteps, BadRulesAreSaid) {
    PoolWindow bad = kNight;
    bad.cron = "61 * * * *";
    EXPECT_EQ(steps_of(pool_with({bad}), "2024-01-01", "1h"), "bad_cron");
    bad = kNight;
    bad.timezone = "Europe/Berlim";
    EXPECT_EQ(steps_of(pool_with({bad}), "2024-01-01", "1h"), "bad_timezone");
}

}  // namespace
}  // namespace servo::server
