#include "report/scalability.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace servo::report {
namespace {

constexpr size_t kTerms = 3;
constexpr double kSingular = 1e-12;

using Terms = std::array<double, kTerms>;

// Of N/X: what 1/λ, σ/λ and κ/λ are multiplied with.
Terms terms_of(double n) {
    return {1, n - 1, n * (n - 1)};
}

// Solves the normal equations of the chosen terms by Gaussian elimination; the rest stay 0.
std::optional<Terms> solve(const std::vector<Measured>& points, const std::vector<size_t>& chosen) {
    const size_t size = chosen.size();
    std::array<std::array<double, kTerms + 1>, kTerms> rows{};
    for (const Measured& point : points) {
        // The weight X/N makes the target 1 and each residual a relative error.
        const double weight = point.throughput / point.executors;
        const Terms terms = terms_of(point.executors);
        for (size_t i = 0; i < size; ++i) {
            for (size_t j = 0; j < size; ++j) {
                rows[i][j] += terms[chosen[i]] * terms[chosen[j]] * weight * weight;
            }
            rows[i][size] += terms[chosen[i]] * weight;
        }
    }
    for (size_t pivot = 0; pivot < size; ++pivot) {
        size_t best = pivot;
        for (size_t i = pivot + 1; i < size; ++i) {
            best = std::abs(rows[i][pivot]) > std::abs(rows[best][pivot]) ? i : best;
        }
        std::swap(rows[pivot], rows[best]);
        if (std::abs(rows[pivot][pivot]) < kSingular) {
            return std::nullopt;
        }
        for (size_t i = 0; i < size; ++i) {
            const double factor = i == pivot ? 0 : rows[i][pivot] / rows[pivot][pivot];
            for (size_t j = pivot; j <= size; ++j) {
                rows[i][j] -= factor * rows[pivot][j];
            }
        }
    }
    Terms out{};
    for (size_t i = 0; i < size; ++i) {
        out[chosen[i]] = rows[i][size] / rows[i][i];
    }
    return out;
}

double squared_error(const std::vector<Measured>& points, const Terms& solution) {
    double sum = 0;
    for (const Measured& point : points) {
        const Terms terms = terms_of(point.executors);
        double value = 0;
        for (size_t i = 0; i < kTerms; ++i) {
            value += solution[i] * terms[i];
        }
        const double error = 1 - value * point.throughput / point.executors;
        sum += error * error;
    }
    return sum;
}

}  // namespace

double ScalabilityFit::at(double n) const {
    return lambda * n / (1 + sigma * (n - 1) + kappa * n * (n - 1));
}

std::optional<double> ScalabilityFit::peak_executors() const {
    if (kappa <= 0) {
        return std::nullopt;
    }
    return std::max(1.0, std::sqrt(std::max(0.0, 1 - sigma) / kappa));
}

std::optional<double> ScalabilityFit::ceiling() const {
    if (const auto peak = peak_executors()) {
        return at(*peak);
    }
    return sigma > 0 ? std::optional(lambda / sigma) : std::nullopt;
}

std::optional<ScalabilityFit> fit_scalability(const std::vector<Measured>& measured) {
    std::vector<Measured> points;
    std::set<double> counts;
    for (const Measured& one : measured) {
        if (one.executors > 0 && one.throughput > 0) {
            points.push_back(one);
            counts.insert(one.executors);
        }
    }
    if (counts.size() < 2) {
        return std::nullopt;
    }
    const std::vector<std::vector<size_t>> choices = {{0}, {0, 1}, {0, 2}, {0, 1, 2}};
    std::optional<ScalabilityFit> best;
    double least = std::numeric_limits<double>::infinity();
    for (const std::vector<size_t>& chosen : choices) {
        const auto solution = chosen.size() <= counts.size() ? solve(points, chosen) : std::nullopt;
        if (!solution || (*solution)[0] <= 0 || (*solution)[1] < 0 || (*solution)[2] < 0) {
            continue;
        }
        // A term more must pay for itself: rounding alone is no gain.
        const double error = squared_error(points, *solution);
        if (error >= least - kSingular) {
            continue;
        }
        least = error;
        const double lambda = 1 / (*solution)[0];
        best = ScalabilityFit{
            lambda,
            (*solution)[1] * lambda,
            (*solution)[2] * lambda,
            static_cast<int>(chosen.size()),
            static_cast<int>(points.size()),
            std::sqrt(error / static_cast<double>(points.size()))};
    }
    return best;
}

}  // namespace servo::report
