#include "engine/reprocess.h"

#include "store/state_scan.h"

namespace servo::engine {

using namespace model;
using StateRun = store::History::StateRun;

namespace {

// What an open job did lately counts before an older state; but what succeeded before it failed
// lately stays succeeded once.
void add_fresh(
    const OpenOwner& owner,
    const OrdinalView& all,
    ReprocessPolicy policy,
    int latest,
    std::map<Outcome, RunSet>& without
) {
    StateRun state;
    state.revision = owner.view.row.revision;
    for (const Outcome outcome : {Outcome::kSucceeded, Outcome::kFailed}) {
        const RunSet fresh =
            outcome == Outcome::kSucceeded ? fresh_completed(owner, all) : fresh_failed(owner, all);
        RunSet succeeded_before;
        for (auto& [other, indices] : without) {
            if (policy == ReprocessPolicy::kMissing && other != Outcome::kSkipped) {
                succeeded_before.add(both(indices, fresh));
            }
            indices.subtract(fresh);
        }
        if (!succeeded_before.empty()) {
            without[outcome].add(succeeded_before);
        }
        state.outcome = outcome;
        if (!runs_again(state, policy, latest)) {
            without[outcome].add(fresh);
        }
    }
}

}  // namespace

bool runs_again(const StateRun& state, ReprocessPolicy policy, int latest_revision) {
    switch (state.outcome) {
        case Outcome::kMissing:
            return true;
        case Outcome::kFailed:
            return policy != ReprocessPolicy::kMissing || !state.succeeded_before;
        case Outcome::kSkipped:
            return policy == ReprocessPolicy::kAll;
        case Outcome::kSucceeded:
            return policy == ReprocessPolicy::kAll ||
                   (policy == ReprocessPolicy::kStale && state.revision < latest_revision);
    }
    return true;
}

Result<std::map<Outcome, RunSet>> left_out(
    store::History& history,
    const AssetHead& asset,
    const OrdinalView& all,
    ReprocessPolicy policy,
    const AskJobs& ask
) {
    std::map<Outcome, RunSet> without;
    if (all.size() == 0 || policy == ReprocessPolicy::kAll) {
        return without;
    }
    const std::vector<OpenOwner> owners = SERVO_TRY(open_owners(history, asset.id, ask));
    SERVO_CHECK(store::scan_states(
        history,
        asset.id,
        all.runs().front().first,
        all.runs().back().last(),
        [&](const std::vector<StateRun>& states) {
            for (const StateRun& state : states) {
                if (!runs_again(state, policy, asset.latest_revision)) {
                    without[state.outcome].add(all.intersection(OrdinalView({state.ordinals})));
                }
            }
            return true;
        }
    ));
    for (const OpenOwner& owner : owners) {
        add_fresh(owner, all, policy, asset.latest_revision, without);
    }
    return without;
}

}  // namespace servo::engine
