// From the store's snapshot to the scheduler's memory. What is not stored is derived: usage from
// the grants, ready work from what is neither leased nor waiting.
#include <algorithm>

#include "base/assert.h"
#include "core/rules.h"

namespace servo::core {
namespace {

void load_definitions(State& state, const Snapshot& snapshot, Instant now) {
    for (const TenantRow& row : snapshot.tenants) {
        Tenant tenant;
        tenant.row = row;
        state.tenant_names[row.name] = row.id;
        state.tenants.emplace(row.id, std::move(tenant));
    }
    for (const PoolRow& row : snapshot.pools) {
        Pool pool;
        pool.row = row;
        pool.breaker.restore(row.breaker, now);
        state.pool_names[{row.tenant, row.spec.name}] = row.id;
        state.pools.emplace(row.id, std::move(pool));
    }
    for (const AssetHead& head : snapshot.assets) {
        Asset asset;
        asset.head = head;
        state.asset_names[{head.tenant, head.name}] = head.id;
        state.assets.emplace(head.id, std::move(asset));
    }
    for (const auto& revision : snapshot.revisions) {
        state.assets.at(revision->asset).revisions[revision->revision].revision = revision;
    }
    for (const DurationRow& row : snapshot.durations) {
        auto& revisions = state.assets.at(row.asset).revisions;
        const auto it = revisions.find(row.revision);
        if (it != revisions.end()) {
            it->second.durations = row.stats;
            if (row.stats.count >= kBaselineSamples) {
                it->second.baseline.mean_us = std::max<int64_t>(1, row.stats.mean().count());
            }
        }
    }
    for (const ExecutorRow& row : snapshot.executors) {
        state.executor_names[row.name] = row.id;
        state.executors[row.id] = row;
    }
    for (const TokenRow& row : snapshot.tokens) {
        state.tokens[row.id] = row;
    }
}

// A session of before, until its executor says it is there: its leases get a full time to live.
Session& placeholder(State& state, const GrantRow& row, Instant now) {
    const auto [it, fresh] = state.sessions.try_emplace(row.session);
    Session& session = it->second;
    if (fresh) {
        session.id = row.session;
        session.executor = row.executor;
        session.last_call = now;
        session.joined_at = now;
        session.idle_booked_to = stamp(now);
        session.registered = false;
        session.token.tenant = state.executors.at(row.executor).tenant;
        session.slots = state.executors.at(row.executor).slots;
        state.session_of[row.executor] = row.session;
    }
    session.next_grant = std::max(session.next_grant, row.number + 1);
    return session;
}

// Token of the newest failed attempt of each index that remains.
using FailedTokens = std::map<Index, Token>;

// The part of a grant that is still to be reported. What failed under it may remain, even lie under
// a later lease or have been put back by a retry: its newest failure is not older than the grant.
RunSet unreported(const Job& job, const GrantRow& row, const FailedTokens& failed) {
    RunSet left;
    for (const Run& run : row.indices.runs()) {
        left.add(job.remaining.intersection(run));
        for (auto it = failed.lower_bound(run.first); it != failed.end() && it->first < run.end;
             ++it) {
            if (it->second >= row.token_base) {
                left.subtract(it->first);
            }
        }
    }
    return left;
}

void load_grant(State& state, const GrantRow& row, const FailedTokens& failed, Instant now) {
    const auto found = state.jobs.find(row.job);
    if (found == state.jobs.end()) {
        return;  // its job ended in the same batch
    }
    Job& job = found->second;
    const RunSet left = unreported(job, row, failed);
    if (left.empty()) {
        return;
    }
    Session& session = placeholder(state, row, now);
    const auto [it, fresh] = state.leases.try_emplace(row.lease);
    Lease& lease = it->second;
    const uint64_t reported_here = row.indices.size() - left.size();
    if (fresh) {
        lease.id = row.lease;
        lease.session = row.session;
        lease.executor = row.executor;
        lease.tenant = row.tenant;
        lease.asset = job.row.asset;
        lease.job = row.job;
        lease.generation = row.generation;
        lease.attempt = row.attempt;
        lease.deaths = row.deaths;
        lease.granted_at = row.granted_at;
        lease.progress_at = now;
        lease.booked_to = stamp(now);
        // Charged when it was granted: shares begin equal at a load, with what is leased in them.
        lease.estimate_us = std::max<int64_t>(1, expected_us(state, job));
        lease.reported = row.first_position + reported_here;
        lease.started = lease.reported;
        job.leases.insert(lease.id);
        session.leases.insert(lease.id);
        // One that became fewer may still have been at work in those that were to go.
        session.slots = std::max(session.slots, static_cast<int>(session.leases.size()));
        charge(state, lease);
    }
    LeaseGrant grant;
    grant.number = row.number;
    grant.token_base = row.token_base;
    grant.first_position = row.first_position;
    grant.reported = reported_here;
    grant.runs = left.runs();
    grant.size = left.size();
    lease.last_number = std::max(lease.last_number, row.number);
    lease.size = row.first_position + row.indices.size();
    lease.grants.push_back(std::move(grant));
    job.leased += left.size();
    for (const Run& run : left.runs()) {
        job.ready.subtract(run);
    }
}

// Since when it fails by its dependency. A lost attempt goes on with the streak that it
// interrupted: then its row tells of a time before it began.
std::optional<Instant> external_since(const FailureRow& row) {
    const bool goes_on = row.klass == FailureClass::kLost && row.first_failed_at < row.started_at;
    return row.klass == FailureClass::kExternal || goes_on ? std::optional(row.first_failed_at)
                                                           : std::nullopt;
}

// Everything that is neither ready nor leased waits for its retry.
void place_waiting(State& state, Job& job, Instant now) {
    RunSet leased;
    for (const LeaseId id : job.leases) {
        for (const LeaseGrant& grant : state.leases.at(id).grants) {
            for (const Run& run : grant.runs) {
                leased.add(run);
            }
        }
    }
    for (const auto& [index, waiting] : job.waiting) {
        if (!leased.contains(index)) {
            enqueue_waiting(state, job, index, waiting, now);
        }
    }
}

}  // namespace

void resolve_pools(const State& state, Job& job) {
    job.pools.clear();
    for (const auto& [name, units] : job.revision->spec.pools) {
        if (const auto id = find_pool(state, job.row.tenant, name)) {
            job.pools.emplace_back(*id, units);
        }
    }
}

void adopt(State& state, const Snapshot::OpenJob& open, Instant now) {
    Job job;
    job.row = open.row;
    job.counters = open.checkpoint.counters;
    job.revision = open.revision;
    auto& revisions = state.assets.at(job.row.asset).revisions;
    if (!revisions[job.row.revision].revision) {
        revisions[job.row.revision].revision = open.revision;
    }
    job.remaining = open.checkpoint.remaining;
    job.failed = open.checkpoint.failed;
    job.skipped = open.checkpoint.skipped;
    job.cancelled = open.checkpoint.cancelled;
    job.done_since = open.done_after;
    job.failed_since = open.failed_after;
    // When another leader last served what was claimed is not stored: it may age anew.
    job.waiting_since = is_unclaimed(job) ? std::min(job.row.state_since, now) : now;
    job.effective_priority = job.row.settings.priority;
    for (const FailureRow& row : open.retrying) {
        if (!row.final && job.remaining.contains(row.index)) {
            const Tries tries{row.deaths, row.next_attempt, row.generation};
            job.waiting[row.index] = Waiting{row.retry_at, tries, external_since(row), row.token};
        }
    }
    job.ready = job.remaining;
    for (const auto& [index, waiting] : job.waiting) {
        job.ready.subtract(index);
    }
    const bool open_state = !is_terminal(job.row.state);
    const JobId id = job.row.id;
    Job& placed = state.jobs.insert_or_assign(id, std::move(job)).first->second;
    resolve_pools(state, placed);
    if (open_state) {
        enter_open(state, placed);
    }
    if (!open_state) {
        mark_dirty(state, placed);  // what nothing reopens leaves with the batch
    }
    if (!placed.done_since.empty() || !placed.failed_since.empty()) {
        mark_progress(state, placed);
    }
}

// Slots that somebody was known for, until they or others in their place come. An executor that
// held nothing has no session before it calls: it may come under another name, or not at all.
void expect_slots(State& state) {
    for (auto& [id, row] : state.executors) {
        if (row.presence == Presence::kLost) {
            miss_slots(state, row, row.missing_slots, row.last_seen_at);
        } else if (row.presence == Presence::kPresent && !state.session_of.contains(id)) {
            miss_slots(state, row, row.drain_wanted ? 0 : row.slots, last_seen(state, row));
        }
    }
}

void load(State& state, const Snapshot& snapshot, Instant now) {
    SERVO_ASSERT(now >= snapshot.last_now);
    state.epoch = snapshot.epoch;
    state.next_token = first_token(snapshot.epoch) + 1;
    state.now = now;
    state.last_tick = now;
    state.loaded_at = now;
    state.heard_before = snapshot.last_now;
    state.waits_seen = now;
    state.ledger.start(stamp(now));
    state.durations_written_at = now;
    state.checkpoints_at = now;
    state.max_tenant_id = snapshot.max_tenant_id;
    state.max_asset_id = snapshot.max_asset_id;
    state.max_pool_id = snapshot.max_pool_id;
    state.max_executor_id = snapshot.max_executor_id;
    load_definitions(state, snapshot, now);
    std::map<JobId, FailedTokens> failed;
    for (const Snapshot::OpenJob& open : snapshot.jobs) {
        adopt(state, open, now);
        for (const FailureRow& row : open.retrying) {
            failed[open.row.id].emplace(row.index, row.token);
        }
    }
    std::vector<const GrantRow*> grants;
    for (const GrantRow& row : snapshot.grants) {
        grants.push_back(&row);
    }
    std::sort(grants.begin(), grants.end(), [](const GrantRow* a, const GrantRow* b) {
        return std::pair(a->lease, a->number) < std::pair(b->lease, b->number);
    });
    for (const GrantRow* row : grants) {
        load_grant(state, *row, failed[row->job], now);
        // In an epoch of its own nothing was given yet; a state that is only to be read may be of
        // the epoch that gave them, and a forecast goes on from there.
        const auto end = row->token_base + static_cast<Token>(row->indices.size());
        state.next_token = std::max(state.next_token, end);
    }
    expect_slots(state);
    recount_slots(state);
    for (auto& [id, job] : state.jobs) {
        place_waiting(state, job, now);
        refresh_queue(state, job);
    }
}

}  // namespace servo::core
