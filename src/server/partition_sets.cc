#include "server/partition_sets.h"

#include "server/state_scan.h"

namespace servo::server {
namespace {

using namespace model;

Result<std::vector<OpenOwner>> open_owners(Backend& backend, AssetId asset) {
    store::JobFilter filter;
    filter.asset = asset;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        if (!is_terminal(static_cast<JobState>(i))) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    const store::JobPage page = SERVO_TRY(backend.history().jobs(filter, kOwnersMax, ""));
    std::vector<OpenOwner> out;
    for (const store::JobPage::Item& item : page.items) {
        auto view = SERVO_TRY(backend.read([id = item.row.id](
                                               const core::Scheduler& scheduler, Instant now
                                           ) { return scheduler.job(id, now); }));
        auto checkpoint = SERVO_TRY(backend.history().checkpoint(item.row.id));
        // Between the page and the read a job may have ended; then it owns nothing any more.
        if (view && checkpoint && !is_terminal(view->row.state)) {
            out.push_back({std::move(*view), std::move(checkpoint->remaining)});
        }
    }
    return out;
}

RunSet running_of(const OpenOwner& owner) {
    RunSet out;
    for (const core::SlotHolder& holder : owner.view.holders) {
        if (owner.remaining.contains(holder.next)) {
            out.add(holder.next);
        }
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

}  // namespace

RunSet both(const RunSet& a, const RunSet& b) {
    RunSet only_a = a;
    only_a.subtract(b);
    RunSet out = a;
    out.subtract(only_a);
    return out;
}

RunSet translate(const OrdinalView& from, const RunSet& indices, const OrdinalView& to) {
    RunSet out;
    for (const Run& run : indices.runs()) {
        out.add(to.intersection(OrdinalView(from.slice(run))));
    }
    return out;
}

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
    Backend& backend, const AssetRef& asset, std::vector<OrdinalRun> ordinals, Index from
) {
    PartitionSets out;
    out.all = OrdinalView(std::move(ordinals));
    if (out.all.size() <= from) {
        return out;
    }
    bool fits = true;
    SERVO_CHECK(scan_states(
        backend.history(),
        asset.head.id,
        out.all.at(from),
        out.all.runs().back().last(),
        [&](const std::vector<store::History::StateRun>& states) {
            for (const auto& state : states) {
                add_state(state, asset.head.latest_revision, out);
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
    out.owners = SERVO_TRY(open_owners(backend, asset.head.id));
    for (const OpenOwner& owner : out.owners) {
        const OrdinalView& view = *owner.view.row.ordinals;
        out.pending.add(translate(view, owner.remaining, out.all));
        out.running.add(translate(view, running_of(owner), out.all));
    }
    for (RunSet* set : {&out.completed, &out.failed, &out.skipped, &out.stale}) {
        set->subtract(out.pending);
    }
    out.pending.subtract(out.running);
    return out;
}

}  // namespace servo::server
