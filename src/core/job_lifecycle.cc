// The life of a job: state changes, work given back, the end.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "core/rules.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

void drop_grant_row(Context& c, const Lease& lease, const LeaseGrant& grant) {
    if (c.state.forecasting) {
        return;
    }
    if (grant.inserted_seq != c.seq) {
        c.changes.ended_grants.emplace(lease.id, grant.number);
        return;
    }
    auto& rows = c.changes.grants;
    rows.erase(
        std::remove_if(
            rows.begin(),
            rows.end(),
            [&](const GrantRow& row) { return row.lease == lease.id && row.number == grant.number; }
        ),
        rows.end()
    );
}

void insert_grant_row(Context& c, const Lease& lease, LeaseGrant& grant) {
    if (c.state.forecasting) {
        return;
    }
    GrantRow row;
    row.lease = lease.id;
    row.number = grant.number;
    row.session = lease.session;
    row.executor = lease.executor;
    row.tenant = lease.tenant;
    row.job = lease.job;
    row.generation = lease.generation;
    row.attempt = lease.attempt;
    row.token_base = grant.token_base + static_cast<Token>(grant.reported);
    row.first_position = grant.first_position + grant.reported;
    row.deaths = lease.deaths;
    for (const Run& run : grant.runs) {
        row.indices.add(run);
    }
    row.granted_at = lease.granted_at;
    grant.inserted_seq = c.seq;
    c.changes.grants.push_back(std::move(row));
}

void cancel_indices(Job& job, Run run) {
    job.remaining.subtract(run);
    job.cancelled.add(run);
    job.counters.cancelled += run.size();
    job.waiting.erase(job.waiting.lower_bound(run.first), job.waiting.lower_bound(run.end));
    job.checkpoint_now = true;  // no row of the log says this
}

void forget_open(State& state, Job& job) {
    refresh_queue(state, job);
    Tenant& tenant = state.tenant_of(job);
    if (tenant.open_jobs.erase(job.row.id) > 0) {
        tenant.open_total -= job.row.total();
    }
    state.asset_of(job).open_jobs.erase(job.row.id);
    job.row.completed_at = state.now;
}

}  // namespace

void enter_open(State& state, const Job& job) {
    Tenant& tenant = state.tenant_of(job);
    if (tenant.open_jobs.insert(job.row.id).second) {
        tenant.open_total += job.row.total();
    }
    state.asset_of(job).open_jobs.insert(job.row.id);
}

void event(
    Context& c,
    TenantId tenant,
    const std::string& actor,
    const std::string& kind,
    const std::string& subject,
    const std::string& detail
) {
    c.changes.events.push_back({tenant, c.now, actor, kind, subject, detail});
}

void mark_dirty(State& state, Job& job) {
    state.dirty_jobs.insert(job.row.id);
}

void mark_progress(State& state, Job& job) {
    mark_dirty(state, job);
    if (!job.unwritten_since) {
        job.unwritten_since = state.now;
        state.unwritten.emplace(state.now, job.row.id);
    }
}

void forget(State& state, JobId id) {
    const auto it = state.jobs.find(id);
    if (it->second.unwritten_since) {
        state.unwritten.erase({*it->second.unwritten_since, id});
    }
    state.dirty_jobs.erase(id);
    state.jobs.erase(it);
}

bool is_unclaimed(const Job& job) {
    return job.row.state == JobState::kPending || job.row.state == JobState::kResuming;
}

void set_state(
    Context& c, Job& job, JobState to, const std::string& reason, const std::string& by
) {
    SERVO_ASSERT(transition_allowed(job.row.state, to));
    job.row.state = to;
    job.row.state_reason = reason;
    job.row.state_by = by;
    job.row.state_since = c.now;
    job.row_dirty = true;
    job.checkpoint_now = true;
    mark_dirty(c.state, job);
    if (to == JobState::kRunning && !job.row.started_at) {
        job.row.started_at = c.now;
    }
    refresh_queue(c.state, job);
}

void enqueue_waiting(State& state, Job& job, Index index, const Waiting& waiting, Instant now) {
    if (waiting.retry_at > now) {
        state.backoff.emplace(waiting.retry_at, job.row.id, index);
    } else {
        job.due[waiting.tries].add(index);
    }
}

void release_backoff(State& state, Instant now) {
    while (!state.backoff.empty() && std::get<0>(*state.backoff.begin()) <= now) {
        const auto [at, job_id, index] = *state.backoff.begin();
        state.backoff.erase(state.backoff.begin());
        const auto it = state.jobs.find(job_id);
        if (it == state.jobs.end()) {
            continue;
        }
        Job& job = it->second;
        const auto waiting = job.waiting.find(index);
        if (waiting != job.waiting.end() && waiting->second.retry_at == at) {
            job.due[waiting->second.tries].add(index);
            refresh_queue(state, job);
        }
    }
}

void give_back(Context& c, Job& job, const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        job.leased -= run.size();
        if (job.row.state == JobState::kCancelling) {
            cancel_indices(job, run);
            continue;
        }
        RunSet fresh(run);
        for (auto it = job.waiting.lower_bound(run.first);
             it != job.waiting.end() && it->first < run.end;
             ++it) {
            fresh.subtract(it->first);
            enqueue_waiting(c.state, job, it->first, it->second, c.now);
        }
        job.ready.add(fresh);
    }
    if (job.row.state == JobState::kCancelling) {
        mark_dirty(c.state, job);
    }
    refresh_queue(c.state, job);
}

void drop_front(Context& c, Lease& lease, uint64_t count) {
    lease.reported += count;
    while (count > 0) {
        SERVO_ASSERT(!lease.grants.empty());
        LeaseGrant& grant = lease.grants.front();
        const uint64_t here = std::min(count, grant.size);
        uint64_t left = here;
        while (left > 0) {
            Run& run = grant.runs.front();
            const uint64_t step = std::min(left, run.size());
            run.first += step;
            left -= step;
            if (run.size() == 0) {
                grant.runs.erase(grant.runs.begin());
            }
        }
        grant.size -= here;
        grant.reported += here;
        count -= here;
        if (grant.size == 0) {
            drop_grant_row(c, lease, grant);
            lease.grants.erase(lease.grants.begin());
        }
    }
}

void end_lease(Context& c, LeaseId id) {
    Lease& lease = c.state.leases.at(id);
    Job& job = c.state.jobs.at(lease.job);
    const auto session = c.state.sessions.find(lease.session);
    book_lease_end(c.state, lease);
    if (session != c.state.sessions.end()) {
        book_idle(c.state, session->second);
    }
    release(c.state, lease);
    job.leases.erase(id);
    for (const LeaseGrant& grant : lease.grants) {
        drop_grant_row(c, lease, grant);
        give_back(c, job, grant.runs);
        charge_time(c.state, lease.tenant, -lease.estimate_us * static_cast<int64_t>(grant.size));
    }
    charge_time(c.state, lease.tenant, -lease.charged_ahead_us);
    if (session != c.state.sessions.end()) {
        session->second.leases.erase(id);
        std::erase_if(session->second.unacked, [&](const auto& entry) {
            return entry.second.lease == id;
        });
    }
    c.state.leases.erase(id);
    finish_if_done(c, job);
    take_wanted_revision(c, job);
}

// Gives back the positions of `lease` from `size` on.
void shrink_lease(Context& c, Lease& lease, uint64_t size) {
    Job& job = c.state.jobs.at(lease.job);
    uint64_t surplus = lease.size - std::max(size, lease.reported);
    lease.size -= surplus;
    while (surplus > 0) {
        LeaseGrant& grant = lease.grants.back();
        const uint64_t here = std::min(surplus, grant.size);
        std::vector<Run> returned;
        uint64_t left = here;
        while (left > 0) {
            Run& run = grant.runs.back();
            const uint64_t step = std::min(left, run.size());
            returned.push_back({run.end - step, run.end});
            run.end -= step;
            left -= step;
            if (run.size() == 0) {
                grant.runs.pop_back();
            }
        }
        drop_grant_row(c, lease, grant);
        grant.size -= here;
        surplus -= here;
        if (grant.size == 0) {
            lease.grants.pop_back();
        } else {
            insert_grant_row(c, lease, grant);
        }
        charge_time(c.state, lease.tenant, -lease.estimate_us * static_cast<int64_t>(here));
        give_back(c, job, returned);
    }
}

void add_grant(Context& c, Lease& lease, LeaseGrant grant) {
    grant.first_position = lease.size;
    lease.size += grant.size;
    lease.last_number = grant.number;
    insert_grant_row(c, lease, grant);
    lease.grants.push_back(std::move(grant));
}

void finish_if_done(Context& c, Job& job) {
    if (is_terminal(job.row.state)) {
        return;
    }
    if (!job.remaining.empty()) {
        return;
    }
    JobState to = JobState::kCompleted;
    std::string reason;
    if (job.row.state == JobState::kCancelling) {
        to = JobState::kCancelled;
        reason = job.row.state_reason;
    } else if (job.counters.failed > 0) {
        to = JobState::kFailed;
        reason = "partitions_failed";
    }
    const std::string by = to == JobState::kCancelled ? job.row.state_by : std::string("servo");
    set_state(c, job, to, reason, by);
    forget_open(c.state, job);
    const FinalState ended = to == JobState::kCompleted ? FinalState::kCompleted
                             : to == JobState::kFailed  ? FinalState::kFailed
                                                        : FinalState::kCancelled;
    c.state.tally.job_duration[static_cast<size_t>(ended)].add(
        c.now - job.row.started_at.value_or(job.row.created_at)
    );
    event(
        c,
        job.row.tenant,
        by,
        fmt::format("backfill.{}", to_string(to)),
        to_text(job.row.id),
        fmt::format(
            "{} completed, {} failed, {} skipped, {} cancelled.",
            job.counters.completed,
            job.counters.failed,
            job.counters.skipped,
            job.counters.cancelled
        )
    );
    const std::set<LeaseId> leases = job.leases;
    for (const LeaseId id : leases) {
        end_lease(c, id);
    }
    release_overlap_waiters(c, job.row.asset);
}

}  // namespace servo::core
