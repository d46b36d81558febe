// How long synthetic partitions take. The `synthetic` runner knows one duration and a uniform
// spread, so other shapes are cut into classes of equal probability, each an asset of its own.
// Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace servo::load {

// Classes that a shape is cut into, where there are as many jobs.
constexpr int kClassesMax = 8;
// A partition takes no longer: the far tail of a wide shape would outlast any measurement.
constexpr Micros kDurationMax{std::chrono::hours(1)};

// In percent: the runner takes no wider spread, since times would be negative.
constexpr int kUniformSpreadMax = 100;

enum class Shape {
    kFixed,
    kUniform,      // ± spread around the duration
    kExponential,  // with the duration as its mean
    kLognormal,    // with the duration as its median and spread as σ of the logarithm
};
// Error: invalid_argument / "bad_shape".
Result<Shape> shape_from(std::string_view word);

struct DurationClass {
    Micros duration{0};
    int spread_percent = 0;
};

// Of `classes` quantiles (i + ½) / classes, ascending; one class for fixed and uniform.
std::vector<DurationClass> duration_classes(
    Shape shape, Micros duration, int spread_percent, int classes
);

}  // namespace servo::load
