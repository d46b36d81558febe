// Two open jobs never own one partition, unless one waits for the other.
#include <algorithm>

#include "core/rules.h"

namespace servo::core {
namespace {

std::pair<Instant, JobId> arrival(const Job& job) {
    return {job.row.created_at, job.row.id};
}

// Whether `job`, which waits, has to wait for `other`: that has some of its partitions to do, or
// waits for some of them and came first.
bool blocks(const Job& other, const Job& job) {
    return (!other.row.waits_for || arrival(other) < arrival(job)) &&
           !is_terminal(other.row.state) &&
           !shared(*job.row.ordinals, other, other.remaining).empty();
}

// The job that it waits for as before, or another one; none: it may start.
JobId blocker_of(const State& state, const Job& job, const std::set<JobId>& open) {
    const JobId before = job.row.waits_for;
    if (open.contains(before) && blocks(state.jobs.at(before), job)) {
        return before;
    }
    const auto found = std::find_if(open.begin(), open.end(), [&](JobId id) {
        return blocks(state.jobs.at(id), job);
    });
    return found == open.end() ? JobId{} : *found;
}

// None: it starts.
void wait_for(Context& c, Job& job, JobId blocker) {
    job.row.waits_for = blocker;
    if (job.row.state == JobState::kPending) {
        job.row.state_reason = blocker ? "overlap" : "";
    }
    if (is_unclaimed(job)) {
        job.row.state_since = c.now;
    }
    job.waiting_since = c.now;
    job.row_dirty = true;
    mark_dirty(c.state, job);
    refresh_queue(c.state, job);
    if (!blocker) {
        checkpoint_before(c, job);
    }
}

}  // namespace

std::vector<OrdinalRun> ordinals_of(const Job& job, const RunSet& indices) {
    std::vector<OrdinalRun> runs;
    for (const Run& run : indices.runs()) {
        const std::vector<OrdinalRun> part = job.row.ordinals->slice(run);
        runs.insert(runs.end(), part.begin(), part.end());
    }
    std::sort(runs.begin(), runs.end(), [](const OrdinalRun& a, const OrdinalRun& b) {
        return a.first < b.first;
    });
    return runs;
}

RunSet shared(const OrdinalView& view, const Job& job, const RunSet& indices) {
    // Most jobs of an asset lie apart: with thousands of them open, only that is looked at.
    const std::vector<OrdinalRun>& ours = view.runs();
    const std::vector<OrdinalRun>& theirs = job.row.ordinals->runs();
    if (ours.empty() || theirs.empty() || ours.back().last() < theirs.front().first ||
        theirs.back().last() < ours.front().first) {
        return {};
    }
    return view.intersection(OrdinalView(ordinals_of(job, indices)));
}

void release_overlap_waiters(Context& c, AssetId asset) {
    const std::set<JobId>& open = c.state.assets.at(asset).open_jobs;
    std::set<std::pair<Instant, JobId>> waiters;
    for (const JobId id : open) {
        const Job& job = c.state.jobs.at(id);
        if (job.row.waits_for) {
            waiters.insert(arrival(job));
        }
    }
    for (const auto& [created_at, id] : waiters) {
        Job& job = c.state.jobs.at(id);
        const JobId blocker = blocker_of(c.state, job, open);
        if (blocker != job.row.waits_for) {
            wait_for(c, job, blocker);
        }
    }
}

}  // namespace servo::core
