// The end of a batch: rows of jobs that changed state, checkpoints that are due, durations.
#include <algorithm>
#include <utility>

#include "core/rules.h"

namespace servo::core {
namespace {

void materialise(Context& c, Job& job, RunSet& since, Outcome outcome) {
    if (since.empty()) {
        return;
    }
    c.changes.materialised.push_back(
        {job.row.tenant,
         job.row.asset,
         ordinals_of(job, since),
         outcome,
         job.row.id,
         job.row.revision,
         c.now}
    );
    since = RunSet();
}

void checkpoint(Context& c, Job& job) {
    JobCheckpoint row;
    row.job = job.row.id;
    row.covers_seq = c.seq;
    row.remaining = job.remaining;
    row.failed = job.failed;
    row.skipped = job.skipped;
    row.cancelled = job.cancelled;
    row.counters = job.counters;
    c.changes.checkpoints.push_back(std::move(row));
    materialise_results(c, job);
    if (job.unwritten_since) {
        c.state.unwritten.erase({*job.unwritten_since, job.row.id});
        job.unwritten_since.reset();
    }
    job.checkpoint_now = false;
}

// What was touched in this batch, and only that: most open jobs were not.
void settle_touched(Context& c) {
    const std::vector<JobId> touched(c.state.dirty_jobs.begin(), c.state.dirty_jobs.end());
    for (const JobId id : touched) {
        finish_if_done(c, c.state.jobs.at(id));  // which may touch those that waited for it
    }
    for (const JobId id : c.state.dirty_jobs) {
        Job& job = c.state.jobs.at(id);
        if (job.row_dirty) {
            c.changes.jobs.push_back(job.row);
            job.row_dirty = false;
        }
        if (job.checkpoint_now) {
            checkpoint(c, job);
        }
    }
}

// Results that have waited for their checkpoint, the longest first. However many jobs are open, it
// is no more checkpoints than the spacing allows since the last round.
void checkpoint_due(Context& c) {
    auto& unwritten = c.state.unwritten;
    const auto due = [&] {
        return !unwritten.empty() && unwritten.begin()->first + kCheckpointInterval <= c.now;
    };
    const Millis since = std::min(c.now - c.state.checkpoints_at, kCheckpointInterval);
    if (since < kCheckpointRound || !due()) {
        return;
    }
    c.state.checkpoints_at = c.now;
    for (auto left = since / kCheckpointSpacing; left > 0 && due(); --left) {
        checkpoint(c, c.state.jobs.at(unwritten.begin()->second));
    }
}

// Whether any left memory.
bool forget_ended(Context& c) {
    bool any = false;
    for (const JobId id : std::exchange(c.state.dirty_jobs, {})) {
        if (is_terminal(c.state.jobs.at(id).row.state)) {
            forget(c.state, id);
            any = true;
        }
    }
    return any;
}

}  // namespace

void materialise_results(Context& c, Job& job) {
    materialise(c, job, job.done_since, Outcome::kSucceeded);
    materialise(c, job, job.failed_since, Outcome::kFailed);
}

void checkpoint_before(Context& c, const Job& next) {
    for (const JobId id : c.state.asset_of(next).open_jobs) {
        Job& job = c.state.jobs.at(id);
        if (id == next.row.id || !job.unwritten_since) {
            continue;
        }
        RunSet since = job.done_since;
        since.add(job.failed_since);
        if (!shared(*next.row.ordinals, job, since).empty()) {
            job.checkpoint_now = true;
            mark_dirty(c.state, job);
        }
    }
}

void seal(Context& c) {
    settle_touched(c);
    checkpoint_due(c);
    const bool ended = forget_ended(c);
    const bool due = c.now - c.state.durations_written_at >= kCheckpointInterval;
    if (!c.state.dirty_durations.empty() && (due || ended)) {
        for (const auto& [asset, revision] : c.state.dirty_durations) {
            const RevisionEntry& entry = c.state.assets.at(asset).revisions.at(revision);
            c.changes.durations.push_back({asset, revision, entry.durations});
        }
        c.state.dirty_durations.clear();
        c.state.durations_written_at = c.now;
    }
}

}  // namespace servo::core
