// Usage is a function of the live leases. These counts are a cache of it, changed here and nowhere
// else; check.cc recounts them.
#include <algorithm>

#include "base/assert.h"
#include "core/rules.h"

namespace servo::core {
namespace {

void add(State& state, const Lease& lease, int64_t sign) {
    state.tenants.at(lease.tenant).slots += sign;
    state.assets.at(lease.asset).slots += sign;
    const Job& job = state.jobs.at(lease.job);
    for (const auto& [pool_id, units] : job.pools) {
        Pool& pool = state.pools.at(pool_id);
        pool.used += sign * units;
        pool.used_by_tenant[lease.tenant] += sign * units;
        SERVO_ASSERT(pool.used >= 0);
    }
}

}  // namespace

void charge(State& state, Lease& lease) {
    SERVO_ASSERT(!lease.charged);
    lease.charged = true;
    add(state, lease, 1);
}

void release(State& state, Lease& lease) {
    SERVO_ASSERT(lease.charged);
    lease.charged = false;
    add(state, lease, -1);
    ++state.wake;
}

bool limit_known(const Pool& pool) {
    return pool.row.concurrency_override || pool.row.spec.windows.empty() || !pool.steps.empty();
}

int64_t pool_limit(const Pool& pool, Instant now) {
    if (pool.row.concurrency_override) {
        return *pool.row.concurrency_override;
    }
    int64_t limit = pool.row.spec.concurrency > 0 ? pool.row.spec.concurrency : -1;
    for (const LimitStep& step : pool.steps) {
        if (step.from > now) {
            break;
        }
        limit = step.concurrency;
    }
    return limit;
}

Instant pool_limit_rises(const Pool& pool, Instant now) {
    const int64_t limit = pool_limit(pool, now);
    if (pool.row.concurrency_override || limit < 0) {
        return kNever;
    }
    for (const LimitStep& step : pool.steps) {
        if (step.from > now && (step.concurrency < 0 || step.concurrency > limit)) {
            return step.from;
        }
    }
    return kNever;
}

int64_t asset_limit(const Asset& asset, const AssetSpec& spec) {
    if (spec.sequential) {
        return 1;
    }
    return asset.head.concurrency_override ? *asset.head.concurrency_override : spec.concurrency;
}

Instant claimable_since(const Job& job) {
    return std::max(job.waiting_since, job.gated_at);
}

uint64_t running_of(const State& state, const Job& job) {
    uint64_t running = 0;
    for (const LeaseId id : job.leases) {
        const Lease& lease = state.leases.at(id);
        running += lease.size > lease.reported ? 1 : 0;
    }
    return running;
}

}  // namespace servo::core
