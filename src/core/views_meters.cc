// What metrics see of jobs: small values, so that many fit into one look between two batches.
#include "core/rules.h"
#include "core/scheduler.h"

namespace servo::core {
namespace {

JobMeter meter_of(const State& state, const Job& job, Instant now) {
    JobMeter meter;
    meter.id = job.row.id;
    meter.tenant = job.row.tenant;
    meter.state = job.row.state;
    meter.running = running_of(state, job);
    uint64_t free = job.ready.size();
    for (const auto& [key, set] : job.due) {
        free += set.size();
    }
    const uint64_t waiting = job.remaining.size() - std::min(job.remaining.size(), meter.running);
    const GateAnswer gate = gate_of(state, job, nullptr, now, Holding::kNo);
    const bool open = gate.open() || gate.gate == Gate::kNoExecutor;
    meter.eligible = gate.open() ? std::min(free, waiting) : 0;
    meter.gated = waiting - meter.eligible;
    if (open && free > 0 && job.leases.empty()) {
        meter.claimable_since = job.waiting_since;
    }
    if (job.row.settings.deadline) {
        const Millis left = *job.row.settings.deadline - now;
        meter.deadline_missed = left < Millis(0);
        meter.deadline_at_risk = !meter.deadline_missed && left.count() < remaining_ms(state, job);
    }
    return meter;
}

}  // namespace

std::vector<JobMeter> Scheduler::meters(JobId after, int limit, Instant now) const {
    std::vector<JobMeter> out;
    for (auto it = state_->jobs.upper_bound(after);
         it != state_->jobs.end() && out.size() < static_cast<size_t>(limit);
         ++it) {
        if (!is_terminal(it->second.row.state)) {
            out.push_back(meter_of(*state_, it->second, now));
        }
    }
    return out;
}

const Tally& Scheduler::tally() const {
    return state_->tally;
}

}  // namespace servo::core
