#include "report/scalability.h"

#include <gtest/gtest.h>

namespace servo::report {
namespace {

// λ = 100, σ = 0.1, κ = 0.01, by hand: 200 / 1.12, 400 / 1.42, 800 / 2.26.
const std::vector<Measured> kBent = {{1, 100}, {2, 200 / 1.12}, {4, 400 / 1.42}, {8, 800 / 2.26}};

TEST(Scalability, FindsTheParametersOfExactPoints) {
    const auto fit = fit_scalability(kBent);
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->lambda, 100, 1e-6);
    EXPECT_NEAR(fit->sigma, 0.1, 1e-8);
    EXPECT_NEAR(fit->kappa, 0.01, 1e-8);
    EXPECT_EQ(fit->parameters, 3);
    EXPECT_EQ(fit->points, 4);
    EXPECT_NEAR(fit->error_rms, 0, 1e-6);
    // √(0.9 / 0.01) = √90, and X there: 948.683 / (1 + 0.848683 + 0.805132).
    EXPECT_NEAR(*fit->peak_executors(), 9.48683, 1e-4);
    EXPECT_NEAR(*fit->ceiling(), 357.479, 1e-2);
}

TEST(Scalability, LinearGrowthHasNoCeiling) {
    const auto fit = fit_scalability({{1, 50}, {2, 100}, {4, 200}});
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->lambda, 50, 1e-9);
    EXPECT_EQ(fit->sigma, 0);
    EXPECT_EQ(fit->kappa, 0);
    EXPECT_EQ(fit->parameters, 1);
    EXPECT_FALSE(fit->ceiling());
    EXPECT_FALSE(fit->peak_executors());
}

TEST(Scalability, ContentionAloneEndsAtLambdaOverSigma) {
    // σ = 0.2: 200 / 1.2, 400 / 1.6.
    const auto fit = fit_scalability({{1, 100}, {2, 200 / 1.2}, {4, 250}});
    ASSERT_TRUE(fit);
    EXPECT_NEAR(fit->sigma, 0.2, 1e-8);
    EXPECT_NEAR(fit->kappa, 0, 1e-8);
    EXPECT_NEAR(*fit->ceiling(), 500, 1e-4);
}

TEST(Scalability, MoreThanLinearIsNoNegativeCost) {
    const auto fit = fit_scalability({{1, 100}, {2, 220}, {4, 480}});
    ASSERT_TRUE(fit);
    EXPECT_EQ(fit->sigma, 0);
    EXPECT_EQ(fit->kappa, 0);
    EXPECT_GT(fit->error_rms, 0.01);
}

TEST(Scalability, TwoPointsTellTwoParameters) {
    const auto fit = fit_scalability({{1, 100}, {2, 150}});
    ASSERT_TRUE(fit);
    EXPECT_EQ(fit->parameters, 2);
    EXPECT_NEAR(fit->at(2), 150, 1e-9);
}

TEST(Scalability, OnePointSaysNothing) {
    EXPECT_FALSE(fit_scalability({}));
    EXPECT_FALSE(fit_scalability({{4, 100}}));
    EXPECT_FALSE(fit_scalability({{4, 100}, {4, 110}}));
    EXPECT_FALSE(fit_scalability({{1, 0}, {2, 0}}));
}

}  // namespace
}  // namespace servo::report
