// How throughput grows with the number of executors: the Universal Scalability Law of N. J. Gunther
// ("Guerrilla Capacity Planning", Springer 2007; arXiv:0808.1431),
//
//     X(N) = λN / (1 + σ(N − 1) + κN(N − 1))
//
// λ: throughput of one executor; σ: share of the work that they do one after the other
// (contention); κ: cost of each keeping up with each other (coherency). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace servo::report {

constexpr const char* kScalabilityFormula =
    "X(N) = λN / (1 + σ(N − 1) + κN(N − 1)), the Universal Scalability Law (N. J. Gunther, "
    "Guerrilla "
    "Capacity Planning, Springer 2007; arXiv:0808.1431)";

struct Measured {
    double executors = 0;   // N, above 0
    double throughput = 0;  // X, above 0
};

struct ScalabilityFit {
    double lambda = 0;
    double sigma = 0;
    double kappa = 0;
    int parameters = 1;  // that the points could tell: as many as points, 3 at most
    int points = 0;
    double error_rms = 0;  // relative; says nothing when parameters == points

    double at(double executors) const;
    // Where more executors begin to make it slower: √((1 − σ) / κ). Absent without κ.
    std::optional<double> peak_executors() const;
    // The most that any number of executors reaches: X at the peak, λ / σ without κ. Absent: the
    // points show none.
    std::optional<double> ceiling() const;
};

// Least squares of relative errors in N/X = (1 + σ(N − 1) + κN(N − 1)) / λ, with σ, κ ≥ 0: of the
// fits with neither, either or both, the best that is allowed. Points of nothing are left out.
// Absent without two different N: one point says nothing about growth.
std::optional<ScalabilityFit> fit_scalability(const std::vector<Measured>& measured);

}  // namespace servo::report
