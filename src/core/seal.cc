// The end of a batch: rows of jobs that changed state, checkpoints that are due, durations.
#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

std::vector<OrdinalRun> ordinals_of(const Job& job, const RunSet& set) {
    std::vector<OrdinalRun> runs;
    for (const Run& run : set.runs()) {
        const std::vector<OrdinalRun> part = job.row.ordinals->slice(run);
        runs.insert(runs.end(), part.begin(), part.end());
    }
    std::sort(runs.begin(), runs.end(), [](const OrdinalRun& a, const OrdinalRun& b) {
        return a.first < b.first;
    });
    return runs;
}

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
    materialise(c, job, job.done_since, Outcome::kSucceeded);
    materialise(c, job, job.failed_since, Outcome::kFailed);
    job.progress_dirty = false;
    job.checkpoint_now = false;
    job.checkpointed_at = c.now;
}

}  // namespace

void seal(Context& c) {
    std::vector<JobId> settled;
    std::vector<JobId> ended;
    for (const JobId id : c.state.dirty_jobs) {
        Job& job = c.state.jobs.at(id);
        finish_if_done(c, job);
        if (job.row_dirty) {
            c.changes.jobs.push_back(job.row);
            job.row_dirty = false;
            job.is_new = false;
        }
        const bool due = job.progress_dirty && c.now - job.checkpointed_at >= kCheckpointInterval;
        if (job.checkpoint_now || due) {
            checkpoint(c, job);
        }
        if (!job.progress_dirty) {
            settled.push_back(id);
        }
        if (is_terminal(job.row.state)) {
            ended.push_back(id);
        }
    }
    for (const JobId id : settled) {
        c.state.dirty_jobs.erase(id);
    }
    for (const JobId id : ended) {
        c.state.dirty_jobs.erase(id);
        c.state.jobs.erase(id);
    }
    const bool due = c.now - c.state.durations_written_at >= kCheckpointInterval;
    if (!c.state.dirty_durations.empty() && (due || !ended.empty())) {
        for (const auto& [asset, revision] : c.state.dirty_durations) {
            RevisionEntry& entry = c.state.assets.at(asset).revisions.at(revision);
            c.changes.durations.push_back({asset, revision, entry.durations});
            entry.durations_dirty = false;
        }
        c.state.dirty_durations.clear();
        c.state.durations_written_at = c.now;
    }
}

}  // namespace servo::core
