// The invariants of the scheduler's memory, recounted from scratch, and the canonical text of its
// durable part.
#include <fmt/format.h>

#include <algorithm>

#include "core/rules.h"
#include "core/scheduler.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

// to do ∪ leased ∪ done ∪ failed ∪ skipped ∪ cancelled = [0, N), without overlap (I1).
std::string check_partitions(const State& state, const Job& job) {
    const std::string id = to_text(job.row.id);
    RunSet leased;
    uint64_t leased_count = 0;
    for (const LeaseId lease_id : job.leases) {
        for (const LeaseGrant& grant : state.leases.at(lease_id).grants) {
            uint64_t in_grant = 0;
            for (const Run& run : grant.runs) {
                leased.add(run);
                in_grant += run.size();
            }
            if (in_grant != grant.size) {
                return fmt::format("{}: a grant's size is wrong", id);
            }
            leased_count += in_grant;
        }
    }
    if (leased.size() != leased_count) {
        return fmt::format("{}: two leases hold the same partition", id);
    }
    if (leased_count != job.leased) {
        return fmt::format("{}: {} leased, counted {}", id, job.leased, leased_count);
    }
    RunSet all = leased;
    uint64_t sum = leased.size();
    const auto take = [&](const RunSet& set) {
        all.add(set);
        sum += set.size();
    };
    take(job.ready);
    for (const auto& [key, set] : job.due) {
        take(set);
    }
    for (const auto& [at, job_id, index] : state.backoff) {
        const auto it = job.waiting.find(index);
        if (job_id == job.row.id && it != job.waiting.end() && it->second.retry_at == at &&
            !leased.contains(index)) {
            take(RunSet(Run{index, index + 1}));
        }
    }
    if (!(all == job.remaining) || sum != job.remaining.size()) {
        return fmt::format(
            "{}: ready, waiting and leased ({} in {}) are not what remains ({})",
            id,
            sum,
            all.to_string(),
            job.remaining.to_string()
        );
    }
    take(job.failed);
    take(job.skipped);
    take(job.cancelled);
    const uint64_t done = job.counters.completed;
    if (sum + done != job.row.total() || all.size() + done != job.row.total()) {
        return fmt::format(
            "{}: {} partitions in all, {} accounted for", id, job.row.total(), sum + done
        );
    }
    const JobCounters& counters = job.counters;
    if (counters.failed != job.failed.size() || counters.skipped != job.skipped.size() ||
        counters.cancelled != job.cancelled.size()) {
        return fmt::format("{}: counters differ from the sets", id);
    }
    return "";
}

std::string check_usage(const State& state) {
    std::map<TenantId, int64_t> tenants;
    std::map<AssetId, int64_t> assets;
    std::map<PoolId, int64_t> pools;
    for (const auto& [id, lease] : state.leases) {
        ++tenants[lease.tenant];
        ++assets[lease.asset];
        const auto job = state.jobs.find(lease.job);
        if (job == state.jobs.end() || !job->second.leases.contains(id)) {
            return fmt::format("lease {} has no job", id.value);
        }
        const auto session = state.sessions.find(lease.session);
        if (session == state.sessions.end() || !session->second.leases.contains(id)) {
            return fmt::format("lease {} has no session", id.value);
        }
        for (const auto& [pool, units] : job->second.pools) {
            pools[pool] += units;
        }
    }
    for (const auto& [id, tenant] : state.tenants) {
        if (tenant.slots != tenants[id]) {
            return fmt::format(
                "tenant {} uses {}, counted {}", id.value, tenant.slots, tenants[id]
            );
        }
        uint64_t open_total = 0;
        for (const JobId job : tenant.open_jobs) {
            open_total += state.jobs.at(job).row.total();
        }
        if (tenant.open_total != open_total) {
            return fmt::format(
                "tenant {} has {} partitions in open jobs, counted {}",
                id.value,
                tenant.open_total,
                open_total
            );
        }
        if (tenant.queue.empty() == state.runnable.contains({tenant.vtime, id})) {
            return fmt::format("tenant {} is wrongly listed as runnable or not", id.value);
        }
    }
    for (const auto& [id, asset] : state.assets) {
        if (asset.slots != assets[id]) {
            return fmt::format("asset {} uses {}, counted {}", id.value, asset.slots, assets[id]);
        }
    }
    for (const auto& [id, pool] : state.pools) {
        if (pool.used != pools[id]) {
            return fmt::format("pool {} uses {}, counted {}", id.value, pool.used, pools[id]);
        }
    }
    return "";
}

std::string check_lease(const Lease& lease) {
    uint64_t left = 0;
    for (const LeaseGrant& grant : lease.grants) {
        left += grant.size;
    }
    if (lease.reported + left != lease.size) {
        return fmt::format(
            "lease {}: {} reported and {} left of {}",
            lease.id.value,
            lease.reported,
            left,
            lease.size
        );
    }
    return "";
}

// Every slot-second is in the ledger once: what was booked and what is not yet booked of leases,
// free slots and missing slots come to slots × time.
std::string check_slot_time(const State& state) {
    const Stamp now = stamp(state.now);
    int64_t told = state.ledger.booked_us();
    for (const auto& [id, lease] : state.leases) {
        told += now - lease.booked_to;
    }
    for (const auto& [id, session] : state.sessions) {
        told += free_slots(session) * (now - session.idle_booked_to);
    }
    for (const auto& [executor, missing] : state.missing) {
        told += missing.slots * (now - missing.booked_to);
    }
    const int64_t expected = state.ledger.expected_us(now);
    if (state.ledger.on() && told != expected) {
        return fmt::format(
            "the slots had {} us since this leader began, the ledger accounts for {}",
            expected,
            told
        );
    }
    if (state.ledger.unphased_us() != 0) {
        return fmt::format(
            "the ledger's busy time and its phases differ by {} us", state.ledger.unphased_us()
        );
    }
    return "";
}

// Results without a checkpoint are in line for one.
std::string check_unwritten(const State& state) {
    size_t count = 0;
    for (const auto& [id, job] : state.jobs) {
        const bool waits = job.unwritten_since.has_value();
        count += waits ? 1 : 0;
        if (waits ? !state.unwritten.contains({*job.unwritten_since, id})
                  : !job.done_since.empty() || !job.failed_since.empty()) {
            return fmt::format("{}: its results wait for no checkpoint", to_text(id));
        }
    }
    return count == state.unwritten.size() ? "" : "a job that is not there waits for a checkpoint";
}

std::string digest_of_definitions(const State& state) {
    std::string out;
    for (const auto& [id, pool] : state.pools) {
        out += fmt::format(
            "pool {} held={} breaker={}\n",
            pool.row.spec.name,
            pool.row.hold.has_value(),
            static_cast<int>(pool.row.breaker)
        );
    }
    for (const auto& [id, token] : state.tokens) {
        out += fmt::format(
            "token {} {} tenant={} expires={} revoked={}\n",
            id,
            to_string(token.role),
            token.tenant.value,
            to_ms(token.expires_at),
            to_ms(token.revoked_at)
        );
    }
    for (const auto& [id, asset] : state.assets) {
        out += fmt::format(
            "asset {} latest={} archived={}\n",
            asset.head.name,
            asset.head.latest_revision,
            asset.head.archived
        );
    }
    return out;
}

}  // namespace

std::string Scheduler::check_invariants() const {
    for (const auto& [id, job] : state_->jobs) {
        std::string broken = check_partitions(*state_, job);
        if (!broken.empty()) {
            return broken;
        }
    }
    for (const auto& [id, lease] : state_->leases) {
        std::string broken = check_lease(lease);
        if (!broken.empty()) {
            return broken;
        }
    }
    for (const auto& check : {check_usage, check_unwritten, check_slot_time}) {
        std::string broken = check(*state_);
        if (!broken.empty()) {
            return broken;
        }
    }
    return "";
}

std::string Scheduler::durable_digest() const {
    std::string out;
    for (const auto& [id, job] : state_->jobs) {
        out += fmt::format(
            "job {} {} {} gen={} rev={} prio={} remaining={} failed={} skipped={} cancelled={} "
            "completed={} busy={} wasted={}\n",
            to_text(id),
            to_string(job.row.state),
            job.row.state_reason,
            job.row.generation,
            job.row.revision,
            job.row.settings.priority,
            job.remaining.to_string(),
            job.failed.to_string(),
            job.skipped.to_string(),
            job.cancelled.to_string(),
            job.counters.completed,
            job.counters.busy_us,
            job.counters.wasted_us
        );
        for (const TemporarySettings& one : job.row.temporary) {
            for (const SettingText& lasting : to_texts(one.lasting)) {
                out += fmt::format(
                    "  {} {} again at {}\n", lasting.name, lasting.value, to_ms(one.info.until)
                );
            }
        }
        for (const auto& [index, waiting] : job.waiting) {
            out += fmt::format(
                "  waiting {} attempt={} deaths={} generation={} at={}\n",
                index,
                waiting.tries.attempt,
                waiting.tries.deaths,
                waiting.tries.generation,
                to_ms(waiting.retry_at)
            );
        }
    }
    for (const auto& [id, lease] : state_->leases) {
        RunSet left;
        for (const LeaseGrant& grant : lease.grants) {
            for (const Run& run : grant.runs) {
                left.add(run);
            }
        }
        if (!left.empty()) {
            out += fmt::format(
                "lease {} job={} session={} attempt={} size={} left={}\n",
                id.value,
                to_text(lease.job),
                lease.session.value,
                lease.attempt,
                lease.size,
                left.to_string()
            );
        }
    }
    return out + digest_of_definitions(*state_);
}

}  // namespace servo::core
