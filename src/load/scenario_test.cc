#include "load/scenario.h"

#include <gtest/gtest.h>

#include <cmath>

namespace servo::load {
namespace {

Result<Scenario> scenario(const std::map<std::string, std::string>& flags) {
    config::OptionInput input;
    input.flags = flags;
    const auto options = config::Options::resolve(input, scenario_options());
    if (!options) {
        return fail(options.error());
    }
    return scenario_of(*options);
}

std::string refused(const std::map<std::string, std::string>& flags) {
    const auto made = scenario(flags);
    return made ? "" : made.error().message;
}

std::vector<int64_t> micros(const std::vector<DurationClass>& classes) {
    std::vector<int64_t> out;
    for (const DurationClass& one : classes) {
        out.push_back(one.duration.count());
    }
    return out;
}

TEST(Durations, OneClassWhereTheRunnerKnowsTheShape) {
    const auto fixed = duration_classes(Shape::kFixed, Micros(100), 50, 8);
    ASSERT_EQ(fixed.size(), 1u);
    EXPECT_EQ(fixed[0].spread_percent, 0);
    const auto uniform = duration_classes(Shape::kUniform, Micros(100), 50, 8);
    ASSERT_EQ(uniform.size(), 1u);
    EXPECT_EQ(uniform[0].spread_percent, 50);
}

// -1000 ln(1 - p) at p = ⅛, ⅜, ⅝, ⅞.
TEST(Durations, ExponentialByItsQuantiles) {
    EXPECT_EQ(
        micros(duration_classes(Shape::kExponential, Micros(1'000), 50, 4)),
        (std::vector<int64_t>{134, 470, 981, 2'079})
    );
}

// 1000 exp(z) with z = ∓1.15035, ∓0.31864, the normal quantiles of ⅛, ⅜, ⅝, ⅞.
TEST(Durations, LognormalByItsQuantiles) {
    EXPECT_EQ(
        micros(duration_classes(Shape::kLognormal, Micros(1'000), 100, 4)),
        (std::vector<int64_t>{317, 727, 1'375, 3'159})
    );
    // One class is the median.
    EXPECT_EQ(micros(duration_classes(Shape::kLognormal, Micros(1'000), 100, 1)).front(), 1'000);
    EXPECT_EQ(duration_classes(Shape::kLognormal, Micros(1'000), 100, 99).size(), 8u);
}

TEST(Durations, TheTailIsBounded) {
    const auto wide = duration_classes(Shape::kLognormal, kDurationMax, 400, 8);
    EXPECT_EQ(wide.back().duration, kDurationMax);
}

TEST(Scenario, DefaultsGoTogether) {
    const auto usual = scenario({});
    ASSERT_TRUE(usual) << usual.error().message;
    EXPECT_EQ(usual->executors, (std::vector<int>{1, 2, 4}));
    EXPECT_EQ(usual->weights, (std::vector<int>{1, 1}));
    EXPECT_EQ(usual->window, Millis(10'000));
}

TEST(Scenario, CountsAreSortedAndNoneIsThereTwice) {
    EXPECT_EQ(scenario({{"executors", "4,1,2"}})->executors, (std::vector<int>{1, 2, 4}));
    EXPECT_EQ(
        refused({{"executors", "2,1,2"}}),
        "--executors: 2 is there twice, and each number is measured once; leave one out."
    );
}

TEST(Scenario, OnlyUniformTimesHaveABoundedSpread) {
    EXPECT_EQ(
        refused({{"duration_shape", "uniform"}, {"duration_spread", "101"}}),
        "--duration-spread: must be a whole number from 0 to 100 where --duration-shape is "
        "uniform, not \"101\"."
    );
    EXPECT_EQ(refused({{"duration_shape", "uniform"}, {"duration_spread", "100"}}), "");
    EXPECT_EQ(refused({{"duration_shape", "lognormal"}, {"duration_spread", "400"}}), "");
}

TEST(Scenario, WhatDoesNotGoTogetherIsRefused) {
    EXPECT_NE(refused({{"executors", "1,x"}}).find("not \"1,x\""), std::string::npos);
    EXPECT_NE(refused({{"executors", "0"}}).find("1 to 64"), std::string::npos);
    EXPECT_NE(refused({{"weights", "1,2,3"}}).find("3 numbers for 2 tenants"), std::string::npos);
    EXPECT_NE(
        refused({{"tenants", "100"}, {"jobs", "6"}}).find("600 backfills"), std::string::npos
    );
    EXPECT_NE(
        refused({{"jobs", "100"}, {"partitions", "1000000"}}).find("fewer --partitions"),
        std::string::npos
    );
    EXPECT_NE(
        refused({{"probes_per_second", "100"}, {"window", "1h"}}).find("--probes-per-second"),
        std::string::npos
    );
    EXPECT_NE(refused({{"duration_shape", "normal"}}).find("lognormal"), std::string::npos);
}

TEST(Scenario, JobsOfAnAssetDoNotOverlap) {
    const Scenario made =
        scenario({{"jobs", "3"}, {"duration_shape", "exponential"}, {"partitions", "1440"}}
        ).value();
    ASSERT_EQ(made.classes.size(), 3u);
    EXPECT_EQ(bulk_job(made, 1).asset, "loadtest-class-2");
    const Scenario fixed = scenario({{"jobs", "3"}, {"partitions", "1440"}}).value();
    EXPECT_EQ(bulk_job(fixed, 0).selection.start, "1970-01-01T00:00:00Z");
    EXPECT_EQ(bulk_job(fixed, 0).selection.end, "1970-01-02T00:00:00Z");
    EXPECT_EQ(bulk_job(fixed, 1).selection.start, "1970-01-02T00:00:00Z");
    EXPECT_EQ(bulk_job(fixed, 1).asset, "loadtest-class-1");
    EXPECT_EQ(bulk_job(fixed, 1).tenants, (std::vector<std::string>{"loadtest-1", "loadtest-2"}));
    EXPECT_EQ(probe_job(fixed, 3).tenants, (std::vector<std::string>{"loadtest-2"}));
}

TEST(Scenario, TheAssetFileNamesTenantsShapesAndFailures) {
    const Scenario made = scenario({{"fail_per_mille", "15"}, {"fail_class", "data"}}).value();
    const std::string local = asset_file(made, true).files[0].text;
    EXPECT_NE(local.find("tenants: [loadtest-1, loadtest-2]"), std::string::npos);
    EXPECT_NE(
        local.find("duration: 100000us, fail_rate: 1.5%, fail_class: data"), std::string::npos
    );
    EXPECT_NE(local.find("labels: { servo-loadtest: local }"), std::string::npos);
    EXPECT_EQ(asset_file(made, false).files[0].text.find("labels"), std::string::npos);
}

TEST(LoadNames, AreOfLoadTestsAlone) {
    for (const size_t index : {size_t{0}, size_t{kTenantsMax} - 1}) {
        EXPECT_TRUE(is_load_tenant(tenant_name(index))) << index;
    }
    EXPECT_TRUE(is_load_asset(asset_name(0)));
    EXPECT_TRUE(is_load_asset(kProbeAsset));
    for (const char* name : {"loadtest", "loadtest-", "loadtest-0", "loadtest-eu", "acme"}) {
        EXPECT_FALSE(is_load_tenant(name)) << name;
    }
    for (const char* name : {"loadtest-class-", "loadtest-class-x", "loadtest-1", "orders"}) {
        EXPECT_FALSE(is_load_asset(name)) << name;
    }
}

}  // namespace
}  // namespace servo::load
