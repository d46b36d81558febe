// Live views of everything that is not a job.
#include "core/rules.h"
#include "core/scheduler.h"

namespace servo::core {

std::vector<ExecutorView> Scheduler::executors(Instant) const {
    std::vector<ExecutorView> out;
    for (const auto& [id, row] : state_->executors) {
        ExecutorView view;
        view.row = row;
        view.last_seen_at = last_seen(*state_, row);
        const auto current = state_->session_of.find(id);
        if (current != state_->session_of.end()) {
            const Session& session = state_->sessions.at(current->second);
            view.session = session.id;
            view.labels = session.labels;
            view.slots = session.slots;
            view.busy = static_cast<int>(session.leases.size());
            view.draining = !takes_work(*state_, session);
            view.slot_ms = session.slot_ms;
        }
        out.push_back(std::move(view));
    }
    return out;
}

std::vector<PoolView> Scheduler::pools(Instant now) const {
    std::set<PoolId> wanted;
    for (const auto& [id, job] : state_->jobs) {
        for (const auto& [pool, units] : job.pools) {
            wanted.insert(pool);
        }
    }
    std::vector<PoolView> out;
    for (const auto& [id, pool] : state_->pools) {
        PoolView view;
        view.row = pool.row;
        const auto tenant = state_->tenants.find(pool.row.tenant);
        view.tenant_name = tenant == state_->tenants.end() ? "" : tenant->second.row.name;
        view.limit = pool_limit(pool, now);
        view.limit_until = pool_limit_rises(pool, now);
        view.limit_known = limit_known(pool);
        view.used = pool.used;
        view.recent_attempts = pool.breaker.attempts_in_window();
        view.recent_external = pool.breaker.external_in_window();
        view.wanted = wanted.contains(id);
        if (view.wanted) {
            view.next_probe_at = pool.breaker.probe_at();
        }
        out.push_back(std::move(view));
    }
    return out;
}

std::vector<TenantView> Scheduler::tenants(Instant) const {
    int64_t weights = 0;
    for (const auto& [vtime, id] : state_->runnable) {
        weights += state_->tenants.at(id).limits().weight;
    }
    std::vector<TenantView> out;
    for (const auto& [id, tenant] : state_->tenants) {
        TenantView view;
        view.row = tenant.row;
        view.slots = tenant.slots;
        view.open_jobs = static_cast<int>(tenant.open_jobs.size());
        for (const JobId job : tenant.open_jobs) {
            view.pending += state_->jobs.at(job).remaining.size();
        }
        if (!tenant.queue.empty() && weights > 0) {
            view.fair_share_milli = int64_t{1'000} * tenant.limits().weight / weights;
        }
        out.push_back(std::move(view));
    }
    return out;
}

std::vector<AssetHead> Scheduler::assets() const {
    std::vector<AssetHead> out;
    for (const auto& [id, asset] : state_->assets) {
        out.push_back(asset.head);
    }
    return out;
}

std::optional<AssetHead> Scheduler::asset(AssetId id) const {
    const auto it = state_->assets.find(id);
    return it == state_->assets.end() ? std::nullopt : std::optional(it->second.head);
}

std::optional<AssetHead> Scheduler::find_asset(std::string_view tenant, std::string_view name)
    const {
    const auto owner = state_->tenant_names.find(tenant);
    if (owner == state_->tenant_names.end()) {
        return std::nullopt;
    }
    const auto it = state_->asset_names.find({owner->second, std::string(name)});
    if (it == state_->asset_names.end()) {
        return std::nullopt;
    }
    return state_->assets.at(it->second).head;
}

std::shared_ptr<const AssetRevision> Scheduler::revision(AssetId asset, int revision) const {
    const auto it = state_->assets.find(asset);
    if (it == state_->assets.end()) {
        return nullptr;
    }
    const auto found = it->second.revisions.find(revision);
    return found == it->second.revisions.end() ? nullptr : found->second.revision;
}

std::optional<TenantRow> Scheduler::find_tenant(std::string_view name) const {
    const auto it = state_->tenant_names.find(name);
    if (it == state_->tenant_names.end()) {
        return std::nullopt;
    }
    return state_->tenants.at(it->second).row;
}

std::optional<TenantRow> Scheduler::tenant(TenantId id) const {
    const auto it = state_->tenants.find(id);
    if (it == state_->tenants.end()) {
        return std::nullopt;
    }
    return it->second.row;
}

}  // namespace servo::core
