#include "sim/auditor.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "store/replay.h"

namespace servo::sim {
namespace {

constexpr Millis kStepCounted{2'000};

// The time to live, two scans, and an acquire that was long under way and arrived last.
constexpr Millis kReclaimWithin = kLeaseTtl + Millis(12'000);

// 0 = none; the wider of two limits.
int64_t wider(int64_t a, int64_t b) {
    return a == 0 || b == 0 ? 0 : std::max(a, b);
}

int64_t concurrency_of(const TenantRow& row) {
    return row.override_limits ? row.override_limits->max_concurrency : row.limits.max_concurrency;
}

}  // namespace

bool Auditor::fail(std::string invariant, std::string what) {
    findings_.report(std::move(invariant), std::move(what));
    return false;
}

void Auditor::on_pool_steps(PoolId pool, std::vector<LimitStep> steps) {
    a_.steps[pool] = std::move(steps);
}

void Auditor::on_commit(const store::Batch& batch) {
    check_chain(batch);
    ++batches_;
    BatchView view{batch, *batch.changes, {}, {}, {}, {}, max_token_, {}, {}, {}, {}};
    for (const EventRow& event : view.changes.events) {
        view.events.emplace(event.kind, event.subject);
        ++events_[{event.kind, event.subject}];
    }
    note_limits(view);
    apply_definitions(view.changes);
    apply_job_rows(view);
    apply_done(view);
    apply_failures(view);
    apply_marks(view);
    end_grants(view);
    insert_grants(view);
    apply_checkpoints(view);
    check_limits(view);
    check_jobs(view);
    check_owners(view);
    check_ledger(view.changes);
}

// What is stored of time closes (I22): by tenant, asset and executor it is the same.
void Auditor::check_ledger(const ChangeSet& changes) {
    store::LedgerCheck check;
    for (const LedgerRow& row : changes.ledger) {
        check.add(row);
    }
    for (const std::string& finding : check.findings()) {
        fail("I22", finding);
    }
}

// One writer, one chain (I5).
void Auditor::check_chain(const store::Batch& batch) {
    if (batch.epoch != epoch_) {
        fail(
            "I5",
            fmt::format(
                "batch {} of epoch {} was written although epoch {} was taken",
                batch.seq,
                batch.epoch,
                epoch_
            )
        );
    }
    if (batch.seq != last_seq_ + 1 || batch.epoch < last_epoch_) {
        fail(
            "I5",
            fmt::format(
                "batch ({}, {}) follows ({}, {})", batch.epoch, batch.seq, last_epoch_, last_seq_
            )
        );
    }
    if (batch.now < last_now_) {
        fail("I5", fmt::format("batch {} is older than the one before it", batch.seq));
    }
    last_epoch_ = batch.epoch;
    last_seq_ = batch.seq;
    last_now_ = batch.now;
}

// Limits may change between two grants of one batch: what counts is the widest.
void Auditor::note_limits(BatchView& view) {
    for (const TenantRow& row : view.changes.tenants) {
        const auto before = a_.tenants.find(row.id);
        const int64_t old = before == a_.tenants.end() ? 0 : concurrency_of(before->second);
        const auto [it, fresh] = view.tenant_limit.emplace(row.id, old);
        it->second = wider(it->second, concurrency_of(row));
    }
    for (const PoolRow& row : view.changes.pools) {
        const auto before = a_.pools.find(row.id);
        const int64_t limit = pool_limit_at(row, view.batch.now);
        const int64_t old =
            before == a_.pools.end() ? -1 : pool_limit_at(before->second, view.batch.now);
        const auto [it, fresh] = view.pool_limit.emplace(row.id, old);
        it->second = it->second < 0 || limit < 0 ? -1 : std::max(it->second, limit);
        const auto [share, first] = view.pool_share.emplace(
            row.id, before == a_.pools.end() ? 0 : before->second.spec.per_tenant_concurrency
        );
        share->second = wider(share->second, row.spec.per_tenant_concurrency);
    }
    for (const AssetHead& head : view.changes.assets) {
        const auto before = a_.assets.find(head.id);
        std::vector<std::optional<int64_t>>& overrides = view.asset_override[head.id];
        if (overrides.empty() && before != a_.assets.end()) {
            overrides.push_back(before->second.concurrency_override);
        }
        overrides.push_back(head.concurrency_override);
    }
}

void Auditor::apply_definitions(const ChangeSet& changes) {
    for (const TenantRow& row : changes.tenants) {
        a_.tenants[row.id] = row;
    }
    for (const PoolId id : changes.removed_pools) {
        a_.pools.erase(id);
    }
    for (const PoolRow& row : changes.pools) {
        a_.pools[row.id] = row;
    }
    for (const AssetHead& head : changes.assets) {
        a_.assets[head.id] = head;
    }
    for (const auto& revision : changes.revisions) {
        const bool fresh =
            a_.revisions.emplace(std::pair(revision->asset, revision->revision), revision).second;
        if (!fresh) {
            fail("I1", fmt::format("revision {} is written twice", revision->revision));
        }
    }
    for (const ExecutorId id : changes.removed_executors) {
        std::erase_if(a_.executors, [id](const auto& entry) { return entry.second.id == id; });
    }
    for (const ExecutorRow& row : changes.executors) {
        a_.executors[row.name] = row;
    }
}

Auditor::Touched& Auditor::touch(BatchView& view, JobId id) {
    const auto [it, fresh] = view.touched.try_emplace(id);
    if (fresh) {
        const JobRow& row = a_.jobs.at(id).row;
        it->second = {
            row.state,
            row.generation,
            row.revision,
            row.wants_latest,
            row.waits_for,
            row.settings.max_concurrency,
            false};
    }
    return it->second;
}

void Auditor::apply_job_rows(BatchView& view) {
    for (const JobRow& row : view.changes.jobs) {
        const auto found = a_.jobs.find(row.id);
        if (found == a_.jobs.end()) {
            JobAccount job;
            job.row = row;
            job.remaining = RunSet(Run{0, row.total()});
            a_.jobs.emplace(row.id, std::move(job));
            view.touched[row.id] = {
                JobState::kPending,
                row.generation,
                row.revision,
                row.wants_latest,
                JobId{},
                row.settings.max_concurrency,
                true};
            continue;
        }
        touch(view, row.id);
        JobAccount& job = found->second;
        const JobState before = job.row.state;
        if (before == JobState::kCompleted || before == JobState::kCancelled) {
            fail("I11", fmt::format("{} was {} and changes", to_text(row.id), to_string(before)));
        }
        if (row.generation < job.row.generation) {
            fail("I16", fmt::format("{} goes back a generation", to_text(row.id)));
        }
        check_settings(view, job.row, row);
        const auto ordinals = job.row.ordinals;
        job.row = row;
        job.row.ordinals = ordinals;
    }
}

// What must hold of every job that the batch changed (I1, I11).
void Auditor::check_jobs(const BatchView& view) {
    for (const auto& [id, touched] : view.touched) {
        const JobAccount& job = a_.jobs.at(id);
        const uint64_t sum = job.remaining.size() + job.done.size() + job.failed.size() +
                             job.skipped.size() + job.cancelled.size();
        if (sum != job.row.total()) {
            fail(
                "I1",
                fmt::format(
                    "{}: {} partitions are accounted for, it has {}",
                    to_text(id),
                    sum,
                    job.row.total()
                )
            );
        }
        const JobState state = job.row.state;
        if (!is_terminal(state)) {
            if (job.remaining.empty()) {
                fail(
                    "I18",
                    fmt::format("{} is {} although nothing remains", to_text(id), to_string(state))
                );
            }
            continue;
        }
        if (!job.remaining.empty() || !job.grants.empty()) {
            fail(
                "I1",
                fmt::format(
                    "{} is {} with {} partitions to do and {} leases",
                    to_text(id),
                    to_string(state),
                    job.remaining.size(),
                    job.grants.size()
                )
            );
        }
        const bool completed = state == JobState::kCompleted;
        const bool clean = job.failed.empty() && job.cancelled.empty();
        if ((completed && !clean) || (state == JobState::kFailed && job.failed.empty())) {
            fail(
                "I1",
                fmt::format(
                    "{} is {} with {} failed and {} cancelled",
                    to_text(id),
                    to_string(state),
                    job.failed.size(),
                    job.cancelled.size()
                )
            );
        }
    }
}

void Auditor::on_step(Instant now, bool loaded) {
    if (loaded) {
        loaded_at_ = active_;
    } else {
        active_ += std::clamp(now - last_step_, Millis(0), kStepCounted);
    }
    last_step_ = now;
    check_overdue(now);
    for (const auto& [id, lease] : a_.leases) {
        const auto heard = heard_.find(lease.session);
        const Millis since = heard == heard_.end() ? Millis(0) : heard->second;
        if (active_ - std::max(since, loaded_at_) > kReclaimWithin) {
            fail(
                "I17",
                fmt::format(
                    "lease {} is held by a session that was not heard for {} ms",
                    id.value,
                    (active_ - std::max(since, loaded_at_)).count()
                )
            );
        }
    }
}

}  // namespace servo::sim
