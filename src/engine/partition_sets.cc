#include "engine/partition_sets.h"

#include "store/state_scan.h"

namespace servo::engine {
namespace {

using namespace model;

// Of what runs, what was to do on record: it may have ended in between.
RunSet running_of(const OpenOwner& owner) {
    RunSet out;
    for (const Run& run : owner.unwritten.running.runs()) {
        out.add(owner.checkpoint.remaining.intersection(run));
    }
    return out;
}

void add_state(const store::History::StateRun& state, int latest, PartitionSets& out) {
    const RunSet indices = out.all.intersection(OrdinalView({state.ordinals}));
    switch (state.outcome) {
        case Outcome::kSucceeded:
            out.completed.add(indices);
            if (state.revision < latest) {
                out.stale.add(indices);
            }
            break;
        case Outcome::kFailed:
            out.failed.add(indices);
            break;
        case Outcome::kSkipped:
            out.skipped.add(indices);
            break;
        case Outcome::kMissing:
            return;
    }
    out.settled_by_job[state.job].add(indices);
}

// What an open job did lately counts before the older state.
void add_fresh(const OpenOwner& owner, int latest, PartitionSets& out) {
    const RunSet completed = fresh_completed(owner, out.all);
    const RunSet failed = fresh_failed(owner, out.all);
    out.failed.subtract(completed);
    out.skipped.subtract(completed);
    out.completed.add(completed);
    out.completed.subtract(failed);
    out.skipped.subtract(failed);
    out.failed.add(failed);
    out.stale.subtract(completed);
    out.stale.subtract(failed);
    if (owner.view.row.revision < latest) {
        out.stale.add(completed);
    }
    for (auto& [job, settled] : out.settled_by_job) {
        settled.subtract(completed);
        settled.subtract(failed);
    }
    RunSet& mine = out.settled_by_job[owner.view.row.id];
    mine.add(completed);
    mine.add(failed);
}

// What a job has still to do counts before all that was done, also by a job that it waits for.
void add_to_do(const OpenOwner& owner, PartitionSets& out) {
    const RunSet pending = to_do(owner, out.all);
    for (RunSet* set : {&out.completed, &out.failed, &out.skipped, &out.stale}) {
        set->subtract(pending);
    }
    out.pending.add(pending);
    out.running.add(translate(owner.ordinals(), running_of(owner), out.all));
}

}  // namespace

RunSet PartitionSets::missing() const {
    RunSet out;
    if (all.size() > 0) {
        out.add(Run{0, all.size()});
    }
    for (const RunSet* set : {&completed, &failed, &skipped, &pending, &running}) {
        out.subtract(*set);
    }
    return out;
}

RunSet PartitionSets::of(const std::string& status) const {
    if (status == "completed") {
        return completed;
    }
    if (status == "failed") {
        return failed;
    }
    if (status == "skipped") {
        return skipped;
    }
    if (status == "pending") {
        return pending;
    }
    return status == "running" ? running : missing();
}

Result<PartitionSets> partition_sets(
    store::History& history,
    const AssetHead& asset,
    std::vector<OrdinalRun> ordinals,
    Index from,
    const AskJobs& ask
) {
    PartitionSets out;
    out.all = OrdinalView(std::move(ordinals));
    if (out.all.size() <= from) {
        return out;
    }
    out.owners = SERVO_TRY(open_owners(history, asset.id, ask));
    bool fits = true;
    SERVO_CHECK(store::scan_states(
        history,
        asset.id,
        out.all.at(from),
        out.all.runs().back().last(),
        [&](const std::vector<store::History::StateRun>& states) {
            for (const auto& state : states) {
                add_state(state, asset.latest_revision, out);
            }
            fits = out.completed.runs().size() + out.failed.runs().size() +
                       out.skipped.runs().size() <=
                   kSetRunsMax;
            return fits;
        }
    ));
    if (!fits) {
        return fail(resource_exhausted(
            "too_fragmented",
            "The states of these partitions fall into too many pieces; narrow the "
            "list with start and end."
        ));
    }
    for (const OpenOwner& owner : out.owners) {
        add_fresh(owner, asset.latest_revision, out);
    }
    for (const OpenOwner& owner : out.owners) {
        add_to_do(owner, out);
    }
    out.pending.subtract(out.running);
    return out;
}

}  // namespace servo::engine
