#include "load/durations.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/suggest.h"

namespace servo::load {
namespace {

constexpr std::array<std::string_view, 4> kShapes = {
    "fixed", "uniform", "exponential", "lognormal"};
constexpr int kBisections = 80;

// The z below which a share `p` of the standard normal distribution lies, by bisection.
double normal_quantile(double p) {
    double low = -10;
    double high = 10;
    for (int i = 0; i < kBisections; ++i) {
        const double middle = (low + high) / 2;
        (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
    }
    return (low + high) / 2;
}

}  // namespace

Result<Shape> shape_from(std::string_view word) {
    for (size_t i = 0; i < kShapes.size(); ++i) {
        if (kShapes[i] == word) {
            return static_cast<Shape>(i);
        }
    }
    return fail(invalid_argument(
        "bad_shape",
        "\"" + std::string(word) + "\" is not one of fixed, uniform, exponential, lognormal." +
            did_you_mean(word, {kShapes.begin(), kShapes.end()})
    ));
}

std::vector<DurationClass> duration_classes(
    Shape shape, Micros duration, int spread_percent, int classes
) {
    if (shape == Shape::kFixed || shape == Shape::kUniform) {
        return {{duration, shape == Shape::kUniform ? spread_percent : 0}};
    }
    const int wanted = std::clamp(classes, 1, kClassesMax);
    const auto base = static_cast<double>(duration.count());
    std::vector<DurationClass> out;
    for (int i = 0; i < wanted; ++i) {
        const double p = (i + 0.5) / wanted;
        const double factor = shape == Shape::kExponential
                                  ? -std::log(1 - p)
                                  : std::exp(spread_percent / 100.0 * normal_quantile(p));
        const double us = std::min(base * factor, static_cast<double>(kDurationMax.count()));
        out.push_back({Micros(std::llround(us)), 0});
    }
    return out;
}

}  // namespace servo::load
