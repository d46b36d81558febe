// One run of one seed: a phase with faults, then everything heals and all work must come to its
// end.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "sim/findings.h"
#include "sim/options.h"
#include "sim/plant.h"
#include "sim/trace.h"

namespace servo::sim {

struct Report {
    std::optional<Violation> violation;
    std::deque<std::string> tail;  // of the trace
    uint64_t hash = 0;             // of the trace
    Micros virtual_time{0};
    uint64_t events = 0;
    uint64_t recorded = 0;  // results
    int64_t batches = 0;
    std::map<std::string, int64_t> marks;
};

Report run(const Options& options, Echo echo, Plant& plant);
Report run(const Options& options, Echo echo = Echo::kNo);  // without a plant

// What is told of a failed run: seed, options, invariant, the last lines, how to repeat it.
std::string describe_failure(const Options& options, const Report& report);

}  // namespace servo::sim
