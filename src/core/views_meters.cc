// What metrics see of jobs: small values, so that many fit into one look between two batches.
#include "core/rules.h"
#include "core/scheduler.h"

namespace servo::core {
namespace {

// Expected work over the time there is, at the busy share that is aimed at; at least one.
int64_t needs_slots(const State& state, const Job& job, Instant now) {
    const auto left = static_cast<int64_t>(job.remaining.size());
    const Millis until =
        job.row.settings.deadline ? *job.row.settings.deadline - now : kDesiredHorizon;
    const int64_t ms = std::max(until, kDesiredHorizonMin).count() * kDesiredBusyPercent / 100;
    const int64_t each = std::max<int64_t>(1, expected_us(state, job));
    const int64_t slots = share_of(left, each, ms * 1'000) + 1;
    return std::min(left, slots);
}

JobMeter meter_of(const State& state, const Job& job, Instant now) {
    JobMeter meter;
    meter.id = job.row.id;
    meter.tenant = job.row.tenant;
    meter.state = job.row.state;
    meter.running = running_of(state, job);
    const uint64_t free = grantable(job);
    // What an executor holds and has not started has its slot: it waits for none and is not gated.
    const uint64_t waiting = job.remaining.size() - job.leased;
    const GateAnswer gate = gate_of(state, job, nullptr, now, Holding::kNo);
    const bool open = gate.open() || gate.gate == Gate::kNoExecutor;
    // Without any executor it is slots that are missing, not labels.
    const bool eligible = gate.open() || (open && state.slots_total == 0);
    meter.eligible = eligible ? free : 0;
    meter.gated = waiting - meter.eligible;
    if (eligible && free > 0 && is_unclaimed(job)) {
        meter.claimable_since = claimable_since(job);
    }
    if (job.row.settings.deadline) {
        const Millis left = *job.row.settings.deadline - now;
        meter.deadline_missed = left < Millis(0);
        meter.deadline_at_risk = !meter.deadline_missed && left.count() < remaining_ms(state, job);
    }
    meter.slots = static_cast<int64_t>(job.leases.size());
    meter.needs_slots = needs_slots(state, job, now);
    meter.held_by = open ? Gate::kNone : gate.gate;
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
