// What falls due with time.
#include <fmt/format.h>

#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

void end_overrides(Context& c) {
    for (auto& [id, tenant] : c.state.tenants) {
        if (tenant.row.override_limits && tenant.row.override_info.until <= c.now) {
            tenant.row.override_limits.reset();
            c.changes.tenants.push_back(tenant.row);
            event(c, id, "servo", "tenant.unset", tenant.row.name, "Its time was over.");
            ++c.state.wake;
        }
    }
    for (auto& [id, pool] : c.state.pools) {
        bool changed = false;
        if (pool.row.concurrency_override && pool.row.override_info.until <= c.now) {
            pool.row.concurrency_override.reset();
            event(
                c, pool.row.tenant, "servo", "pool.unset", pool.row.spec.name, "Its time was over."
            );
            changed = true;
        }
        if (pool.row.hold && pool.row.hold->until <= c.now) {
            pool.row.hold.reset();
            event(
                c,
                pool.row.tenant,
                "servo",
                "pool.released",
                pool.row.spec.name,
                "Its time was over."
            );
            changed = true;
        }
        if (changed) {
            c.changes.pools.push_back(pool.row);
            ++c.state.wake;
        }
    }
    for (auto& [id, asset] : c.state.assets) {
        if (asset.head.concurrency_override && asset.head.override_info.until <= c.now) {
            asset.head.concurrency_override.reset();
            c.changes.assets.push_back(asset.head);
            event(
                c, asset.head.tenant, "servo", "asset.unset", asset.head.name, "Its time was over."
            );
            ++c.state.wake;
        }
    }
}

void resume_jobs(Context& c) {
    std::vector<JobId> due;
    for (const auto& [id, job] : c.state.jobs) {
        if (job.row.state == JobState::kPaused && job.row.resume_at <= c.now) {
            due.push_back(id);
        }
    }
    for (const JobId id : due) {
        (void)resume_job(c, ResumeJob{id, "servo"});
    }
}

// A partition that runs on beyond what was charged keeps its tenant's account honest.
void charge_running(Context& c, Millis since_last) {
    for (auto& [id, lease] : c.state.leases) {
        const int64_t running_us =
            std::chrono::duration_cast<Micros>(c.now - lease.progress_at).count();
        if (lease.reported < lease.size && running_us > lease.estimate_us) {
            const int64_t more = std::min<int64_t>(
                running_us - lease.estimate_us - lease.charged_ahead_us,
                std::chrono::duration_cast<Micros>(since_last).count()
            );
            if (more > 0) {
                lease.charged_ahead_us += more;
                charge_time(c.state, lease.tenant, more);
            }
        }
    }
}

}  // namespace

void breaker_changed(Context& c, Pool& pool) {
    pool.row.breaker = pool.breaker.state();
    pool.row.breaker_since = c.now;
    c.changes.pools.push_back(pool.row);
    ++c.state.wake;
    const bool open = pool.breaker.state() == BreakerState::kOpen;
    const bool closed = pool.breaker.state() == BreakerState::kClosed;
    event(
        c,
        pool.row.tenant,
        "servo",
        open ? "pool.breaker_opened" : (closed ? "pool.breaker_closed" : "pool.breaker_ramping"),
        pool.row.spec.name,
        open ? "Its attempts fail with class external; one probe every 30 s." : ""
    );
    if (!open) {
        return;
    }
    for (auto& [id, job] : c.state.jobs) {
        const bool uses = std::any_of(job.pools.begin(), job.pools.end(), [&](const auto& entry) {
            return entry.first == pool.row.id;
        });
        if (uses && !is_terminal(job.row.state)) {
            revoke_leases(c, job, Revoke::kShrink);
        }
    }
}

void tick(Context& c) {
    release_backoff(c.state, c.now);
    const Millis since = c.now - c.state.last_tick;
    if (since < kTickInterval) {
        return;
    }
    c.state.last_tick = c.now;
    if (!c.state.forecasting) {
        keep_presence(c);
    }
    end_overrides(c);
    end_temporary_settings(c);
    take_wanted_revisions(c);
    resume_jobs(c);
    charge_running(c, since);
    cut_to_limits(c);
    rebalance(c);
    reorder(c.state, c.now);
    keep_ledger(c, Closing::kKnown);
    for (const auto& [id, pool] : c.state.pools) {
        const auto probe = pool.breaker.probe_at();
        if ((probe && *probe <= c.now) || !pool.steps.empty()) {
            ++c.state.wake;
        }
    }
}

}  // namespace servo::core
