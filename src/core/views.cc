// Live views: values for people, by the same gates as the pick.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/rules.h"
#include "core/scheduler.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

constexpr size_t kHoldersMax = 100;
constexpr const char* kTheirTurn = "Their turn on the executor that holds them.";

constexpr std::array<std::string_view, 6> kPartitionNames = {
    "pending",
    "running",
    "completed",
    "failed",
    "skipped",
    "cancelled",
};

std::vector<GateShare> waiting_of(const State& state, const Job& job, Instant now) {
    std::vector<GateShare> out;
    for (Wait& wait : waits_of(state, job, now)) {
        if (wait.answer.gate == Gate::kNotBefore && wait.answer.until == kNever) {
            for (const auto& [index, waiting] : job.waiting) {
                if (waiting.retry_at > now) {
                    wait.answer.until = std::min(wait.answer.until, waiting.retry_at);
                }
            }
        }
        GateShare share = explain(state, job, wait.answer, wait.partitions);
        if (wait.leased) {
            share.release = kTheirTurn;
        }
        out.push_back(std::move(share));
    }
    std::stable_sort(out.begin(), out.end(), [](const GateShare& a, const GateShare& b) {
        return a.partitions > b.partitions;
    });
    return out;
}

int rank_of(const State& state, const Job& job) {
    int rank = 1;
    for (const JobId id : state.tenants.at(job.row.tenant).open_jobs) {
        const Job& other = state.jobs.at(id);
        const auto key = [](const Job& j) {
            return std::tuple(
                -j.effective_priority,
                j.urgent ? 0 : 1,
                j.urgent ? j.slack_ms : 0,
                to_ms(j.row.created_at),
                j.row.id
            );
        };
        rank += key(other) < key(job) ? 1 : 0;
    }
    return rank;
}

// The next to be reported of each lease.
RunSet running_indices(const State& state, const Job& job) {
    RunSet out;
    for (const LeaseId id : job.leases) {
        const Lease& lease = state.leases.at(id);
        if (!lease.grants.empty() && !lease.grants.front().runs.empty()) {
            out.add(lease.grants.front().runs.front().first);
        }
    }
    return out;
}

std::vector<SlotHolder> holders_of(const State& state, const Job& job) {
    std::vector<SlotHolder> out;
    for (const LeaseId id : job.leases) {
        const Lease& lease = state.leases.at(id);
        if (lease.grants.empty() || out.size() >= kHoldersMax) {
            continue;
        }
        SlotHolder holder;
        holder.executor = lease.executor;
        holder.executor_name = state.executors.at(lease.executor).name;
        holder.lease = id;
        holder.next =
            lease.grants.front().runs.empty() ? 0 : lease.grants.front().runs.front().first;
        holder.unreported = lease.size - lease.reported;
        holder.since = lease.progress_at;
        out.push_back(std::move(holder));
    }
    return out;
}

}  // namespace

std::string_view to_string(PartitionView::State state) {
    return kPartitionNames[static_cast<size_t>(state)];
}

std::optional<JobView> Scheduler::job(JobId id, Instant now) const {
    const auto it = state_->jobs.find(id);
    if (it == state_->jobs.end()) {
        return std::nullopt;
    }
    const Job& job = it->second;
    JobView view;
    view.row = job.row;
    view.counters = job.counters;
    view.tenant_name = state_->tenants.at(job.row.tenant).row.name;
    view.asset_name = state_->asset_of(job).head.name;
    view.running = running_of(*state_, job);
    view.pending = job.remaining.size() - std::min<uint64_t>(job.remaining.size(), view.running);
    view.effective_priority = job.effective_priority;
    view.rank = rank_of(*state_, job);
    view.slots = static_cast<int64_t>(job.leases.size());
    for (const auto& [pool, units] : job.pools) {
        view.pools.push_back(pool);
    }
    // The ring is this leader's: what ended under the one before it is not in there.
    const Instant began =
        std::max(job.row.started_at.value_or(now), instant_ms(state_->ledger.began() / 1'000));
    view.rate_now_milli = job.rate.milli_per_second(now, kRateNow, Millis(0), began);
    view.rate_before_milli = job.rate.milli_per_second(now, kRateBefore, kRateNow, began);
    view.durations = state_->asset_of(job).revisions.at(job.row.revision).durations;
    view.holders = holders_of(*state_, job);
    view.waiting = waiting_of(*state_, job, now);
    return view;
}

std::vector<JobId> Scheduler::open_jobs() const {
    std::vector<JobId> ids;
    for (const auto& [id, job] : state_->jobs) {
        if (!is_terminal(job.row.state)) {
            ids.push_back(id);
        }
    }
    return ids;
}

std::optional<PartitionView> Scheduler::partition(JobId id, Index index, Instant now) const {
    const auto it = state_->jobs.find(id);
    if (it == state_->jobs.end() || index >= it->second.row.total()) {
        return std::nullopt;
    }
    const Job& job = it->second;
    PartitionView view;
    const auto waiting = job.waiting.find(index);
    if (waiting != job.waiting.end()) {
        view.attempt = waiting->second.tries.attempt;
    }
    if (!job.remaining.contains(index)) {
        view.state = job.failed.contains(index)      ? PartitionView::State::kFailed
                     : job.skipped.contains(index)   ? PartitionView::State::kSkipped
                     : job.cancelled.contains(index) ? PartitionView::State::kCancelled
                                                     : PartitionView::State::kCompleted;
        return view;
    }
    for (const LeaseId lease_id : job.leases) {
        const Lease& lease = state_->leases.at(lease_id);
        for (const LeaseGrant& grant : lease.grants) {
            for (const Run& run : grant.runs) {
                if (index < run.first || index >= run.end) {
                    continue;
                }
                view.leased = true;
                view.attempt = lease.attempt;
                const bool next =
                    &grant == &lease.grants.front() && index == grant.runs.front().first;
                view.state = next ? PartitionView::State::kRunning : PartitionView::State::kPending;
                view.waiting =
                    explain(*state_, job, GateAnswer{Gate::kNone, 0, lease.granted_at}, 1);
                view.waiting.release = kTheirTurn;
                return view;
            }
        }
    }
    GateAnswer answer = gate_of(*state_, job, nullptr, now, Holding::kNo);
    if (waiting != job.waiting.end() && waiting->second.retry_at > now) {
        answer = {Gate::kNotBefore, id.value, job.row.state_since, waiting->second.retry_at};
    }
    view.waiting = explain(*state_, job, answer, 1);
    return view;
}

std::optional<std::pair<JobId, Index>> Scheduler::owner(AssetId asset, Ordinal ordinal) const {
    const auto it = state_->assets.find(asset);
    if (it == state_->assets.end()) {
        return std::nullopt;
    }
    std::optional<std::pair<JobId, Index>> ended;
    for (const JobId id : it->second.open_jobs) {
        const Job& job = state_->jobs.at(id);
        const std::optional<Index> index = job.row.ordinals->index_of(ordinal);
        if (index && job.remaining.contains(*index)) {
            return std::pair(id, *index);
        }
        if (index && (job.done_since.contains(*index) || job.failed_since.contains(*index))) {
            ended = {id, *index};
        }
    }
    return ended;
}

std::optional<Unwritten> Scheduler::unwritten(JobId id) const {
    const auto it = state_->jobs.find(id);
    if (it == state_->jobs.end()) {
        return std::nullopt;
    }
    const Job& job = it->second;
    return Unwritten{job.done_since, job.failed_since, running_indices(*state_, job)};
}

}  // namespace servo::core
