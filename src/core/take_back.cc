// What is taken back of leased work that has not started, and why: somebody says so, a limit came
// down, a partition takes far longer than its range was meant to, or other slots stand idle. An
// executor hears of it with its next call and gives back what it really has not started.
#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

// The first position that is not known to have started.
uint64_t unstarted_from(const Lease& lease) {
    return std::max(lease.started, lease.reported);
}

bool batch(const State& state, const Lease& lease) {
    return state.jobs.at(lease.job).revision->spec.run.kind == RunnerKind::kBatch;
}

// The limits' room, given to one lease after the other.
class Room {
 public:
    Room(const State& state, Instant now) : state_(state), now_(now) {}

    // Whether the lease fits beside those that did before it.
    bool take(const Lease& lease) {
        const Job& job = state_.jobs.at(lease.job);
        const Asset& asset = state_.assets.at(lease.asset);
        const bool fits =
            left(
                tenants_[lease.tenant], state_.tenants.at(lease.tenant).limits().max_concurrency
            ) &&
            left(jobs_[lease.job], job.row.settings.max_concurrency) &&
            left(assets_[lease.asset], asset_limit(asset, job.revision->spec)) &&
            std::all_of(job.pools.begin(), job.pools.end(), [&](const auto& entry) {
                return pool_left(entry.first, lease.tenant, entry.second);
            });
        if (fits) {
            ++tenants_[lease.tenant];
            ++jobs_[lease.job];
            ++assets_[lease.asset];
            for (const auto& [pool, units] : job.pools) {
                pools_[pool] += units;
                shares_[{pool, lease.tenant}] += units;
            }
        }
        return fits;
    }

 private:
    static bool left(int64_t used, int64_t limit) { return limit <= 0 || used < limit; }
    bool pool_left(PoolId id, TenantId tenant, int units) {
        const Pool& pool = state_.pools.at(id);
        const int64_t limit = pool_limit(pool, now_);
        const int64_t share = pool.row.spec.per_tenant_concurrency;
        return (limit < 0 || pools_[id] + units <= limit) &&
               (share <= 0 || shares_[{id, tenant}] + units <= share);
    }

    const State& state_;
    Instant now_;
    std::map<TenantId, int64_t> tenants_;
    std::map<JobId, int64_t> jobs_;
    std::map<AssetId, int64_t> assets_;
    std::map<PoolId, int64_t> pools_;
    std::map<std::pair<PoolId, TenantId>, int64_t> shares_;
};

// Whether more runs of the job, or beside it, than a limit allows.
bool above_a_limit(const State& state, const Job& job, Instant now) {
    if (job.leases.empty()) {
        return false;
    }
    const Gate gate = gate_of(state, job, nullptr, now, Holding::kYes).gate;
    return gate == Gate::kTenantLimit || gate == Gate::kJobLimit || gate == Gate::kAssetLimit ||
           gate == Gate::kSequential || gate == Gate::kPoolLimit;
}

}  // namespace

uint64_t revoke_leases(Context& c, Job& job, Revoke how) {
    uint64_t asked = 0;
    for (const LeaseId id : job.leases) {
        Lease& lease = c.state.leases.at(id);
        const bool stop = how == Revoke::kStop;
        asked += (stop ? !lease.stop : !lease.shrink_to) ? 1U : 0U;
        lease.shrink_to = unstarted_from(lease);
        lease.stop = lease.stop || stop;
    }
    ++c.state.wake;
    return asked;
}

void cut_to_limits(Context& c) {
    const bool needed =
        !c.state.forecasting &&
        std::any_of(c.state.jobs.begin(), c.state.jobs.end(), [&](const auto& entry) {
            return above_a_limit(c.state, entry.second, c.now);
        });
    if (!needed) {
        return;
    }
    Room room(c.state, c.now);
    for (auto& [id, lease] : c.state.leases) {  // the oldest first
        if (!room.take(lease) && !lease.shrink_to && unstarted_from(lease) < lease.size) {
            lease.shrink_to = unstarted_from(lease);
            ++c.state.wake;
        }
    }
}

void rebalance(Context& c) {
    const auto busy = static_cast<int64_t>(c.state.leases.size());
    int64_t idle = c.state.slots_total - busy;
    if (idle <= 0 || !c.state.runnable.empty()) {
        return;
    }
    for (auto& [id, lease] : c.state.leases) {
        const Job& job = c.state.jobs.at(lease.job);
        const uint64_t unstarted = lease.size - unstarted_from(lease);
        const int64_t each = std::max(lease.estimate_us, expected_us(c.state, job));
        if (idle <= 0 || lease.shrink_to || unstarted < 2 || batch(c.state, lease) ||
            static_cast<int64_t>(unstarted) * each < kTopUpBelowUs) {
            continue;
        }
        lease.shrink_to = lease.size - unstarted / 2;
        --idle;
    }
}

bool runs_late(const Lease& lease, Instant now) {
    return lease.started > lease.reported &&
           std::chrono::duration_cast<Micros>(now - lease.progress_at).count() >= kRangeTargetUs;
}

void take_back_late(Context& c, Lease& lease) {
    if (runs_late(lease, c.now) && !lease.shrink_to && lease.started < lease.size &&
        !batch(c.state, lease)) {
        lease.shrink_to = lease.started;
    }
}

}  // namespace servo::core
