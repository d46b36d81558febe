// What holds a step of a load test back, from what was measured. Pure.
#pragma once

#include <string>

#include "load/result.h"

namespace servo::load {

// From these shares on something counts as used up.
constexpr double kSlotsFull = 0.9;
constexpr double kMachineFull = 0.9;
constexpr double kThreadFull = 0.85;
// And from this share of slot time on something counts as losing much of it.
constexpr double kLosesMuch = 0.1;

// A sentence. Reads everything of `step` but `limit`.
std::string limit_of(const StepResult& step);

// What bends the curve: contention or coherency, at the largest number measured. Empty when
// neither does.
std::string bend_of(const report::ScalabilityFit& fit, int executors);

}  // namespace servo::load
