// What a load test says, as files of the source tree. SERVO_UPDATE_GOLDEN=1 writes them anew.
#include "load/result.h"

#include <gtest/gtest.h>

#include "base/golden_test_support.h"
#include "load/verdict.h"

namespace servo::load {
namespace {

StepResult step(int executors, double throughput, double busy) {
    StepResult out;
    out.executors = executors;
    out.slots = executors * 4;
    out.window_s = 10;
    out.completed = static_cast<uint64_t>(throughput * 10);
    out.throughput = throughput;
    out.claim = {100, 0, 0.02, 0.35, 1.25};
    out.slot_use = busy;
    out.ledger = {
        {"busy", busy}, {"report", 0.01}, {"held", 0.02}, {"idle", 0.97 - busy}, {"draining", 0}};
    out.waiting = {{"capacity", 1'000}};
    out.fairness = 0.999;
    out.tenants = {
        {"loadtest-1", 1, out.completed / 4, throughput / 4},
        {"loadtest-2", 3, out.completed * 3 / 4, throughput * 3 / 4}};
    out.machine = MachineUse{0.4, 0.1, 0.2};
    out.limit = limit_of(out);
    return out;
}

LoadResult sample() {
    LoadResult result;
    result.server = "http://127.0.0.1:40000";
    result.temporary = true;
    result.started_at = instant_ms(1'704'067'200'000);
    result.settings.emplace_back("executors", "1,2,4,8");
    result.settings.emplace_back("window", "10s");
    // λ = 40, σ = 0.02, κ = 0.005.
    result.steps = {
        step(1, 40, 0.96), step(2, 77.7, 0.95), step(4, 142.9, 0.9), step(8, 225.4, 0.7)};
    std::vector<report::Measured> points;
    for (const StepResult& one : result.steps) {
        points.push_back({static_cast<double>(one.executors), one.throughput});
    }
    result.fit = report::fit_scalability(points);
    return result;
}

TEST(LoadResult, TextIsAsWrittenDown) {
    expect_golden("tests/golden/loadtest.md", report::to_markdown(to_document(sample())));
}

TEST(LoadResult, PageHasTheSameSectionsAndItsDrawings) {
    const std::string html = report::to_html(to_document(sample()));
    size_t drawings = 0;
    for (size_t at = html.find("<svg"); at != std::string::npos; at = html.find("<svg", at + 1)) {
        ++drawings;
    }
    EXPECT_EQ(drawings, 3u);
    EXPECT_NE(html.find("<h2>Where slot time went</h2>"), std::string::npos);
}

TEST(LoadResult, OneStepHasNoCurve) {
    LoadResult result = sample();
    result.steps.resize(1);
    result.fit.reset();
    const std::string text = report::to_markdown(to_document(result));
    EXPECT_NE(text.find("No curve is fitted"), std::string::npos);
    EXPECT_TRUE(to_json(result).at("fit").is_null());
}

TEST(LoadResult, JsonCarriesEachNumber) {
    LoadResult result = sample();
    result.settings.emplace_back("slots", "4");
    const auto json = to_json(result);
    const auto& last = json.at("steps").at(3);
    EXPECT_EQ(last.at("executors").as_int64(), 8);
    EXPECT_DOUBLE_EQ(last.at("claim_latency").at("p95_seconds").as_double(), 0.35);
    EXPECT_DOUBLE_EQ(last.at("slot_time_shares").at("busy").as_double(), 0.7);
    EXPECT_EQ(json.at("settings").at("slots").as_int64(), 4);
    EXPECT_EQ(json.at("settings").at("window").as_string(), "10s");
    EXPECT_NEAR(json.at("fit").at("lambda").as_double(), 40, 0.1);
}

}  // namespace
}  // namespace servo::load
