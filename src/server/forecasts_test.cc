#include "server/forecasts.h"

#include <gtest/gtest.h>

namespace servo::server {
namespace {

using namespace model;

// An estimate is kept for seconds: it must not be shown of a job that was paused since.
TEST(Forecasts, AnEstimateEndsWithAPauseAndWithAResume) {
    JobRow row;
    row.id = JobId(7);
    row.state = JobState::kRunning;
    core::Forecast forecast;
    forecast.jobs[row.id] = {instant_ms(5), instant_ms(9), 100, core::paused_until(row)};
    EXPECT_EQ(estimate_of(nullptr, row), nullptr);
    EXPECT_NE(estimate_of(&forecast, row), nullptr);
    row.state = JobState::kPaused;
    EXPECT_EQ(estimate_of(&forecast, row), nullptr);
    forecast.jobs[row.id].paused_until = core::paused_until(row);
    EXPECT_NE(estimate_of(&forecast, row), nullptr);
    row.resume_at = instant_ms(1'000);  // `pause --for` on top
    EXPECT_EQ(estimate_of(&forecast, row), nullptr);
    row.state = JobState::kResuming;
    EXPECT_EQ(estimate_of(&forecast, row), nullptr);
    row.id = JobId(8);  // new
    EXPECT_EQ(estimate_of(&forecast, row), nullptr);
    EXPECT_EQ(estimate_basis(nullptr, forecast), "it is being computed");
}

}  // namespace
}  // namespace servo::server
