// The filters inside the pick. The same answer holds work back and explains it.
#include <algorithm>
#include <limits>

#include "core/rules.h"

namespace servo::core {
namespace {

// Held back by what else runs: explain() knows since when.
constexpr Instant kLastGrant{};

// A limit of 0 means none; a lease that is charged already is over only beyond the limit.
bool full(int64_t used, int64_t limit, Holding holding) {
    return limit > 0 && (holding == Holding::kYes ? used > limit : used >= limit);
}

GateAnswer job_gate(const Job& job) {
    switch (job.row.state) {
        case JobState::kPaused:
            return {Gate::kPaused, job.row.id.value, job.row.state_since, job.row.resume_at};
        case JobState::kCancelling:
        case JobState::kCancelled:
            return {Gate::kCancelling, job.row.id.value, job.row.state_since};
        case JobState::kWaitingUpstream:
            return {Gate::kUpstream, job.row.asset.value, job.row.state_since};
        case JobState::kPending:
        case JobState::kResuming:
            if (job.row.waits_for) {
                return {Gate::kOverlap, job.row.waits_for.value, job.row.state_since};
            }
            return {};
        case JobState::kRunning:
        case JobState::kCompleted:
        case JobState::kFailed:
            return {};
    }
    return {};
}

GateAnswer pool_gate(const Pool& pool, TenantId tenant, int units, Instant now, Holding holding) {
    const int64_t id = pool.row.id.value;
    if (pool.row.hold) {
        return {Gate::kPoolHeld, id, pool.row.hold->since, pool.row.hold->until};
    }
    const int64_t own = holding == Holding::kYes ? 0 : units;
    const int64_t breaker = pool.breaker.available(now);
    // While the breaker is open a probe is a lease of one; nothing is added to a lease.
    const bool parked = pool.breaker.state() == BreakerState::kOpen && holding == Holding::kYes;
    if (breaker >= 0 &&
        (parked || (breaker == 0) || (own > 0 && pool.used + own > breaker * own))) {
        return {Gate::kBreaker, id, pool.breaker.since(), pool.breaker.probe_at().value_or(kNever)};
    }
    const int64_t limit = pool_limit(pool, now);
    // A window may close the pool: nothing is given until that is known.
    if (!limit_known(pool) || (limit >= 0 && pool.used + own > limit)) {
        return {Gate::kPoolLimit, id, kLastGrant, pool_limit_rises(pool, now)};
    }
    const int64_t share = pool.row.spec.per_tenant_concurrency;
    const auto it = pool.used_by_tenant.find(tenant);
    const int64_t used = it == pool.used_by_tenant.end() ? 0 : it->second;
    if (share > 0 && used + own > share) {
        return {Gate::kPoolLimit, id, kLastGrant};
    }
    return {};
}

// In a sequential job nothing overtakes the first partition that remains.
GateAnswer sequential_gate(const Job& job) {
    if (job.remaining.empty()) {
        return {};
    }
    const Index first = job.remaining.runs().front().first;
    const auto it = job.waiting.find(first);
    if (job.ready.contains(first) || it == job.waiting.end()) {
        return {};
    }
    for (const auto& [key, set] : job.due) {
        if (set.contains(first)) {
            return {};
        }
    }
    return {Gate::kSequential, job.row.asset.value, job.row.state_since, it->second.retry_at};
}

// How many of the job's partitions its breakers let through now, and the breaker that does not let
// through more. While one is not closed every lease is of one partition.
std::pair<uint64_t, GateAnswer> probes_of(const State& state, const Job& job, Instant now) {
    std::pair<uint64_t, GateAnswer> out(std::numeric_limits<uint64_t>::max(), GateAnswer{});
    for (const auto& [id, units] : job.pools) {
        const Pool& pool = state.pools.at(id);
        const int64_t available = pool.breaker.available(now);
        if (available < 0) {
            continue;
        }
        const int64_t left = std::max<int64_t>(0, available - pool.used / units);
        if (static_cast<uint64_t>(left) < out.first) {
            const Instant probe = pool.breaker.probe_at().value_or(kNever);
            out = {
                static_cast<uint64_t>(left),
                {Gate::kBreaker, id.value, pool.breaker.since(), probe}};
        }
    }
    return out;
}

bool any_executor(const State& state, const Job& job) {
    return std::any_of(state.sessions.begin(), state.sessions.end(), [&](const auto& entry) {
        return takes_work(state, entry.second) && serves(entry.second, job);
    });
}

}  // namespace

bool takes_work(const State& state, const Session& session) {
    // One that was taken back says so only with its next call.
    return !state.executors.at(session.executor).drain_wanted &&
           (!session.draining || session.drains_as_told);
}

bool serves(const Session& session, const Job& job) {
    return (!session.token.tenant || session.token.tenant == job.row.tenant) &&
           labels_match(job.revision->spec, session);
}

bool free_slot_serves(const State& state, const Job& job) {
    return std::any_of(state.sessions.begin(), state.sessions.end(), [&](const auto& entry) {
        const Session& session = entry.second;
        return takes_work(state, session) && free_slots(session) > 0 && serves(session, job);
    });
}

uint64_t grantable(const Job& job) {
    uint64_t count = job.ready.size();
    for (const auto& [key, set] : job.due) {
        count += set.size();
    }
    return count;
}

std::vector<Wait> waits_of(const State& state, const Job& job, Instant now) {
    std::vector<Wait> out;
    const uint64_t grantable = core::grantable(job);
    if (grantable > 0) {
        const GateAnswer answer = gate_of(state, job, nullptr, now, Holding::kNo);
        const auto [probes, breaker] = probes_of(state, job, now);
        const uint64_t parked = answer.open() ? grantable - std::min(grantable, probes) : 0;
        out.push_back({answer, grantable - parked, false});
        if (parked > 0) {
            out.push_back({breaker, parked, false});
        }
    }
    const uint64_t backoff = job.remaining.size() - job.leased - grantable;
    if (backoff > 0) {
        out.push_back(
            {GateAnswer{Gate::kNotBefore, job.row.id.value, job.row.state_since}, backoff, false}
        );
    }
    const uint64_t held = job.leased - std::min(job.leased, running_of(state, job));
    if (held > 0) {
        out.push_back({GateAnswer{Gate::kNone, 0, job.waiting_since}, held, true});
    }
    return out;
}

bool labels_match(const AssetSpec& spec, const Session& session) {
    return std::all_of(spec.labels.begin(), spec.labels.end(), [&](const auto& label) {
        const auto it = session.labels.find(label.first);
        return it != session.labels.end() && it->second == label.second;
    });
}

GateAnswer gate_of(
    const State& state, const Job& job, const Session* session, Instant now, Holding holding
) {
    if (const GateAnswer answer = job_gate(job); !answer.open()) {
        return answer;
    }
    if (job.row.wants_latest) {
        return {Gate::kRevision, job.row.asset.value, kLastGrant};
    }
    const AssetSpec& spec = job.revision->spec;
    const GateAnswer no_executor{Gate::kNoExecutor, job.row.asset.value, kLastGrant};
    if (session && !serves(*session, job)) {
        return no_executor;
    }
    const Tenant& tenant = state.tenants.at(job.row.tenant);
    if (full(tenant.slots, tenant.limits().max_concurrency, holding)) {
        return {Gate::kTenantLimit, job.row.tenant.value, kLastGrant};
    }
    const auto leases = static_cast<int64_t>(job.leases.size());
    if (full(leases, job.row.settings.max_concurrency, holding)) {
        return {Gate::kJobLimit, job.row.id.value, kLastGrant};
    }
    const Asset& asset = state.asset_of(job);
    if (full(asset.slots, asset_limit(asset, spec), holding)) {
        const Gate gate = spec.sequential ? Gate::kSequential : Gate::kAssetLimit;
        return {gate, job.row.asset.value, kLastGrant};
    }
    for (const auto& [pool_id, units] : job.pools) {
        const GateAnswer answer =
            pool_gate(state.pools.at(pool_id), job.row.tenant, units, now, holding);
        if (!answer.open()) {
            return answer;
        }
    }
    const GateAnswer answer = spec.sequential ? sequential_gate(job) : GateAnswer{};
    // Last, as it is only known of work that nothing else holds that an executor is what it lacks.
    return answer.open() && !session && !any_executor(state, job) ? no_executor : answer;
}

}  // namespace servo::core
