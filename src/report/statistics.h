// The few statistics that reports show. Pure functions over plain numbers.
#pragma once

#include <optional>
#include <vector>

namespace servo::report {

// The smallest value that at least `percent` (0 to 100] of the values do not exceed (nearest rank);
// always one that was measured. Absent for no values.
std::optional<double> percentile(std::vector<double> values, double percent);

// Jain, Chiu and Hawe, "A Quantitative Measure of Fairness and Discrimination", DEC TR-301, 1984:
// (Σx)² / (n·Σx²). 1: all got the same; 1/n: one got everything. Give what each got for each unit
// of its weight. Absent when there is nobody, or nobody got anything.
std::optional<double> jain_index(const std::vector<double>& shares);

// Against a base: 0.25 = a quarter more. Absent for a base of nothing.
std::optional<double> relative_change(double now, double before);

}  // namespace servo::report
