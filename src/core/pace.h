// How open jobs keep pace with what their assets' history makes plausible, and slots that should be
// there and are not: for metrics. Pure; on the thread of the scheduler.
#pragma once

#include <cstdint>
#include <vector>

#include "core/scheduler.h"

namespace servo::core {

struct JobPace {
    JobId id;
    TenantId tenant;
    uint64_t running = 0;  // partitions
    // What one partition is expected to take; its time limit where nothing is known.
    Micros expected{0};
    // How long all that runs has gone without a result beyond what is plausible: kPlausibleTimes
    // times the 95th percentile of the asset's durations, at most the time limit. 0 while it goes
    // on.
    Millis stalled{0};
};
constexpr int kPlausibleTimes = 3;

// Of open jobs with an id above `after`, ascending, at most `limit`.
std::vector<JobPace> paces(const Scheduler& scheduler, JobId after, int limit, Instant now);

// Slots of executors that went silent without a drain and were not made up for since.
int64_t slots_missing(const Scheduler& scheduler);

}  // namespace servo::core
