#include "server/open_owners.h"

namespace servo::server {

using namespace model;

Result<std::vector<OpenOwner>> open_owners(Call& call, AssetId asset) {
    store::JobFilter filter;
    filter.asset = asset;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        if (!is_terminal(static_cast<JobState>(i))) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    const store::JobPage page = SERVO_TRY(call.history->jobs(filter, kOwnersMax, ""));
    if (!page.items.empty()) {
        SERVO_CHECK(call.needs_what_runs());
    }
    std::vector<OpenOwner> out;
    for (const store::JobPage::Item& item : page.items) {
        auto view = SERVO_TRY(call.backend.read([id = item.row.id](
                                                    const core::Scheduler& scheduler, Instant now
                                                ) { return scheduler.job(id, now); }));
        auto checkpoint = SERVO_TRY(call.history->checkpoint(item.row.id));
        // Between the page and the read a job may have ended; then it owns nothing any more.
        if (view && view->row.ordinals && checkpoint && !is_terminal(view->row.state)) {
            out.push_back({std::move(*view), std::move(*checkpoint), {}});
        }
    }
    return out;
}

void note_state(
    std::vector<OpenOwner>& owners, const store::History::StateRun& state, const RunSet& indices
) {
    for (OpenOwner& owner : owners) {
        if (state.at >= owner.view.row.created_at) {
            owner.told.add(indices);
        }
    }
}

RunSet to_do(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.checkpoint.remaining, all);
}

RunSet fresh_completed(const OpenOwner& owner, const OrdinalView& all) {
    RunSet done(Run{0, owner.ordinals().size()});
    const JobCheckpoint& at = owner.checkpoint;
    for (const RunSet* other : {&at.remaining, &at.failed, &at.skipped, &at.cancelled}) {
        done.subtract(*other);
    }
    RunSet out = translate(owner.ordinals(), done, all);
    out.subtract(owner.told);
    return out;
}

RunSet fresh_failed(const OpenOwner& owner, const OrdinalView& all) {
    RunSet out = translate(owner.ordinals(), owner.checkpoint.failed, all);
    out.subtract(owner.told);
    return out;
}

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

}  // namespace servo::server
