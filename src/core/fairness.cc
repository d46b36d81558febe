// Order between tenants (weighted fair share over slot-time) and, inside a tenant, between jobs
// (priority with aging, slack, deficit round robin).
#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

std::tuple<int, int, int64_t, JobId> key_of(const Job& job) {
    return {
        -job.effective_priority,
        job.urgent ? 0 : 1,
        job.urgent ? job.slack_ms : job.turn,
        job.row.id};
}

bool has_work(const Job& job) {
    const JobState state = job.row.state;
    const bool may_run =
        state == JobState::kRunning || state == JobState::kResuming || state == JobState::kPending;
    return may_run && !job.row.waits_for && (!job.ready.empty() || !job.due.empty());
}

void enqueue(State& state, Job& job) {
    Tenant& tenant = state.tenant_of(job);
    if (tenant.queue.empty()) {
        // An idle tenant saves up nothing: it starts where the busy ones are.
        tenant.vtime = std::max(tenant.vtime, state.vtime_floor);
        state.runnable.emplace(tenant.vtime, tenant.row.id);
    }
    tenant.queue.insert(key_of(job));
    job.queued = true;
}

void dequeue(State& state, Job& job) {
    Tenant& tenant = state.tenant_of(job);
    tenant.queue.erase(key_of(job));
    job.queued = false;
    if (tenant.queue.empty()) {
        state.runnable.erase({tenant.vtime, tenant.row.id});
    }
}

// Runs `change` on the job's order keys while it is out of the queue. Its tenant is not idle
// meanwhile and keeps its place among the others.
template <typename Change>
void reposition(State& state, Job& job, Change change) {
    auto& queue = state.tenant_of(job).queue;
    if (job.queued) {
        queue.erase(key_of(job));
    }
    change();
    if (job.queued) {
        queue.insert(key_of(job));
    }
}

}  // namespace

void refresh_queue(State& state, Job& job) {
    const bool wanted = has_work(job);
    if (wanted && !job.queued) {
        job.turn = state.next_turn++;
        job.served = 0;
        job.served_us = 0;
        enqueue(state, job);
        ++state.wake;
    } else if (!wanted && job.queued) {
        dequeue(state, job);
    }
}

void charge_time(State& state, TenantId id, int64_t slot_us) {
    Tenant& tenant = state.tenants.at(id);
    const bool listed = !tenant.queue.empty();
    if (listed) {
        state.runnable.erase({tenant.vtime, id});
    }
    tenant.vtime += slot_us * 1'000 / std::max(1, tenant.limits().weight);
    if (listed) {
        state.runnable.emplace(tenant.vtime, id);
    }
    // Where everything is leased nobody is runnable, and yet those who have the slots are busy.
    const int64_t busy = state.runnable.empty() ? tenant.vtime : state.runnable.begin()->first;
    state.vtime_floor = std::max(state.vtime_floor, busy);
}

// Who has work and may run none of it is idle too: it saves up nothing, and nobody who comes starts
// beside it.
void settle_shares(State& state, const std::set<TenantId>& open) {
    const auto busy =
        std::find_if(state.runnable.begin(), state.runnable.end(), [&open](const auto& entry) {
            return open.contains(entry.second);
        });
    if (busy == state.runnable.end()) {
        return;
    }
    state.vtime_floor = std::max(state.vtime_floor, busy->first);
    std::vector<TenantId> held;
    for (auto it = state.runnable.begin();
         it != state.runnable.end() && it->first < state.vtime_floor;
         ++it) {
        if (!open.contains(it->second)) {
            held.push_back(it->second);
        }
    }
    for (const TenantId id : held) {
        Tenant& tenant = state.tenants.at(id);
        state.runnable.erase({tenant.vtime, id});
        tenant.vtime = state.vtime_floor;
        state.runnable.emplace(tenant.vtime, id);
    }
}

void serve(State& state, Job& job, uint64_t count, int64_t slot_us) {
    job.served += count;
    job.served_us += slot_us;
    if (job.served >= kQuantumPartitions || job.served_us >= kQuantumUs) {
        reposition(state, job, [&] {
            job.turn = state.next_turn++;
            job.served = 0;
            job.served_us = 0;
        });
    }
}

int64_t expected_us(const State& state, const Job& job) {
    const auto& revisions = state.asset_of(job).revisions;
    const auto it = revisions.find(job.row.revision);
    if (it == revisions.end() || it->second.durations.count == 0) {
        return 0;
    }
    return std::max<int64_t>(1, it->second.durations.mean().count());
}

uint64_t samples(const State& state, const Job& job) {
    const auto& revisions = state.asset_of(job).revisions;
    const auto it = revisions.find(job.row.revision);
    return it == revisions.end() ? 0 : it->second.durations.count;
}

int64_t remaining_ms(const State& state, const Job& job) {
    const int64_t each = std::max<int64_t>(1, expected_us(state, job));
    const int64_t slots = std::max<int64_t>(1, static_cast<int64_t>(job.leases.size()));
    const auto left = static_cast<int64_t>(job.remaining.size());
    return left > INT64_MAX / each ? INT64_MAX / 1'000 : left * each / slots / 1'000;
}

void reorder_job(State& state, Job& job, Instant now) {
    const int64_t aged = (now - job.waiting_since) / kAgingStep;
    const int priority =
        job.row.settings.priority + static_cast<int>(std::clamp<int64_t>(aged, 0, kAgingMax));
    bool urgent = false;
    int64_t slack = 0;
    if (job.row.settings.deadline) {
        const int64_t need = remaining_ms(state, job);
        slack = (*job.row.settings.deadline - now).count() - need;
        urgent = slack < need / 5;
    }
    if (priority == job.effective_priority && urgent == job.urgent &&
        (!urgent || slack == job.slack_ms)) {
        return;
    }
    reposition(state, job, [&] {
        job.effective_priority = priority;
        job.urgent = urgent;
        job.slack_ms = slack;
    });
}

void reorder(State& state, Instant now) {
    for (auto& [id, job] : state.jobs) {
        if (!is_terminal(job.row.state)) {
            reorder_job(state, job, now);
        }
    }
}

}  // namespace servo::core
