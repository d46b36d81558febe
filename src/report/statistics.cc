#include "report/statistics.h"

#include <algorithm>
#include <cmath>

namespace servo::report {

std::optional<double> percentile(std::vector<double> values, double percent) {
    if (values.empty()) {
        return std::nullopt;
    }
    const auto size = static_cast<double>(values.size());
    const double rank = std::clamp(std::ceil(percent / 100 * size), 1.0, size);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

std::optional<double> jain_index(const std::vector<double>& shares) {
    double sum = 0;
    double squares = 0;
    for (const double share : shares) {
        sum += share;
        squares += share * share;
    }
    if (squares <= 0) {
        return std::nullopt;
    }
    return sum * sum / (static_cast<double>(shares.size()) * squares);
}

std::optional<double> relative_change(double now, double before) {
    return before > 0 ? std::optional(now / before - 1) : std::nullopt;
}

}  // namespace servo::report
