#include "core/running.h"

#include "core/state.h"

namespace servo::core {

std::optional<RunningPlace> running_place(
    const Scheduler& scheduler, model::JobId job_id, model::Index index
) {
    const State& state = scheduler.state();
    const auto job = state.jobs.find(job_id);
    if (job == state.jobs.end()) {
        return std::nullopt;
    }
    for (const LeaseId id : job->second.leases) {
        const Lease& lease = state.leases.at(id);
        if (lease.grants.empty() || lease.grants.front().runs.empty()) {
            continue;
        }
        const Run& next = lease.grants.front().runs.front();
        if (index == next.first) {
            return RunningPlace{
                lease.session, lease.id, lease.reported, lease.attempt, lease.generation};
        }
    }
    return std::nullopt;
}

}  // namespace servo::core
