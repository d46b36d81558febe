// The pick: who gets the next free slot, and how much of it.
#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

// An index that was under way at d executor deaths is granted again in ever smaller company, so
// that the culprit is found: 256, 16, then alone.
constexpr uint64_t kSuspectRangeMax = 4'096;
constexpr uint64_t kRangePerSample = 4;  // partitions in a range per recorded duration

uint64_t suspect_range(int deaths) {
    const int shift = 4 * deaths;
    return shift >= 12 ? 1 : kSuspectRangeMax >> shift;
}

Pick taken(Job& job, RunSet set, Tries tries) {
    Pick pick;
    pick.job = job.row.id;
    pick.runs = set.runs();
    pick.size = set.size();
    pick.tries = tries;
    return pick;
}

// What has not been tried in this generation.
Tries first_try(const Job& job) {
    return {.generation = job.row.generation};
}

Pick take_due(Job& job, std::map<Tries, RunSet>::iterator it, uint64_t count) {
    const Tries tries = it->first;
    RunSet set = it->second.take_front(count, kRunsPerGrantMax);
    if (it->second.empty()) {
        job.due.erase(it);
    }
    return taken(job, std::move(set), tries);
}

// How many partitions are expected to fill the target. One until a result tells how long they take,
// and few samples may mislead: a range grows with what is recorded, never with what is granted.
uint64_t meant_for_target(const State& state, const Job& job) {
    const int64_t known = expected_us(state, job);
    if (known == 0 && !state.forecasting) {
        return 1;
    }
    const int64_t each = known == 0 ? kUnknownDurationUs : known;
    const auto size = static_cast<uint64_t>(std::max<int64_t>(1, state.range_target_us / each));
    return state.forecasting ? size : std::min(size, kRangePerSample * samples(state, job));
}

Pick take_sequential(Job& job) {
    const Index first = job.remaining.runs().front().first;
    if (job.ready.contains(first)) {
        job.ready.subtract(first);
        return taken(job, RunSet(Run{first, first + 1}), first_try(job));
    }
    for (auto it = job.due.begin(); it != job.due.end(); ++it) {
        if (it->second.contains(first)) {
            const Tries tries = it->first;
            it->second.subtract(first);
            if (it->second.empty()) {
                job.due.erase(it);
            }
            return taken(job, RunSet(Run{first, first + 1}), tries);
        }
    }
    return {};
}

}  // namespace

std::optional<JobId> choose(State& state, const Session& session, Instant now) {
    for (const auto& [vtime, tenant_id] : state.runnable) {
        const Tenant& tenant = state.tenants.at(tenant_id);
        const int64_t limit = tenant.limits().max_concurrency;
        if (limit > 0 && tenant.slots >= limit) {
            continue;
        }
        for (const auto& key : tenant.queue) {
            const Job& job = state.jobs.at(std::get<3>(key));
            if (gate_of(state, job, &session, now, Holding::kNo).open()) {
                return job.row.id;
            }
        }
    }
    return std::nullopt;
}

uint64_t range_size(const State& state, const Job& job) {
    const AssetSpec& spec = job.revision->spec;
    if (spec.sequential) {
        return 1;
    }
    // Breaker not closed: one at a time tells enough.
    for (const auto& [pool_id, units] : job.pools) {
        if (state.pools.at(pool_id).breaker.state() != BreakerState::kClosed) {
            return 1;
        }
    }
    // The tail: the fewer are left for the slots there are, the smaller the ranges.
    const auto slots = static_cast<uint64_t>(std::max<int64_t>(1, state.slots_total));
    const uint64_t left = grantable(job);
    if (spec.run.kind == RunnerKind::kBatch) {
        const uint64_t share = (left + slots - 1) / slots;
        return std::clamp<uint64_t>(share, 1, static_cast<uint64_t>(spec.run.batch_size));
    }
    uint64_t size = meant_for_target(state, job);
    const uint64_t tail = (left + 2 * slots - 1) / (2 * slots);
    size = std::min(size, std::max(job.tail_range_min, tail));
    return std::min(size, state.forecasting ? kPartitionsPerJobMax : kPartitionsPerGrantMax);
}

Pick take(State& state, Job& job, uint64_t limit) {
    const uint64_t size = std::min(limit, range_size(state, job));
    Pick pick;
    if (job.revision->spec.sequential) {
        pick = take_sequential(job);
    } else if (!job.due.empty() && job.due.begin()->first.deaths == 0) {
        pick = take_due(job, job.due.begin(), size);
    } else if (!job.ready.empty()) {
        pick = taken(job, job.ready.take_front(size, kRunsPerGrantMax), first_try(job));
    } else if (!job.due.empty()) {
        const auto it = job.due.begin();
        pick = take_due(job, it, std::min(size, suspect_range(it->first.deaths)));
    }
    refresh_queue(state, job);
    return pick;
}

}  // namespace servo::core
