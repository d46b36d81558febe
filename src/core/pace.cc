#include "core/pace.h"

#include <algorithm>
#include <chrono>

#include "core/rules.h"

namespace servo::core {
namespace {

const DurationStats* durations_of(const State& state, const Job& job) {
    const auto& revisions = state.asset_of(job).revisions;
    const auto it = revisions.find(job.row.revision);
    return it == revisions.end() || it->second.durations.count == 0 ? nullptr
                                                                    : &it->second.durations;
}

JobPace pace_of(const State& state, const Job& job, Instant now) {
    JobPace pace;
    pace.id = job.row.id;
    pace.tenant = job.row.tenant;
    pace.running = running_of(state, job);
    const DurationStats* known = durations_of(state, job);
    const Micros limit = job.row.settings.timeout.value_or(job.revision->spec.timeout);
    pace.expected = known == nullptr ? limit : known->mean();
    const Micros plausible =
        known == nullptr ? limit
                         : std::min(limit, kPlausibleTimes * known->quantile_per_mille(950));
    Instant progress;
    for (const LeaseId id : job.leases) {
        progress = std::max(progress, state.leases.at(id).progress_at);
    }
    if (!job.leases.empty()) {
        pace.stalled = std::max(Millis(0), now - progress - std::chrono::ceil<Millis>(plausible));
    }
    return pace;
}

}  // namespace

std::vector<JobPace> paces(const Scheduler& scheduler, JobId after, int limit, Instant now) {
    const State& state = scheduler.state();
    std::vector<JobPace> out;
    for (auto it = state.jobs.upper_bound(after);
         it != state.jobs.end() && out.size() < static_cast<size_t>(limit);
         ++it) {
        if (!is_terminal(it->second.row.state)) {
            out.push_back(pace_of(state, it->second, now));
        }
    }
    return out;
}

int64_t slots_missing(const Scheduler& scheduler) {
    int64_t slots = 0;
    for (const auto& [executor, missing] : scheduler.state().missing) {
        slots += missing.slots;
    }
    return slots;
}

}  // namespace servo::core
