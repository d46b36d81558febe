#include "server/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "server/open_owners.h"
#include "server/state_scan.h"

namespace servo::server {
namespace {

using namespace model;
using StateRun = store::History::StateRun;

std::optional<std::string> some_text(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

void count_left_out(Outcome outcome, uint64_t count, api::ResolvedSelection& out) {
    switch (outcome) {
        case Outcome::kSucceeded:
            out.left_out_completed += count;
            break;
        case Outcome::kFailed:
            out.left_out_failed += count;
            break;
        case Outcome::kSkipped:
            out.left_out_skipped += count;
            break;
        case Outcome::kMissing:
            break;
    }
}

// What an open job did lately counts before an older state.
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
        for (auto& [other, indices] : without) {
            indices.subtract(fresh);
        }
        state.outcome = outcome;
        if (!runs_again(state, policy, latest)) {
            without[outcome].add(fresh);
        }
    }
}

// The indices of `all` that the policy leaves out, counted by outcome.
Result<RunSet> left_out(
    Call& call,
    const AssetRef& asset,
    const OrdinalView& all,
    ReprocessPolicy policy,
    api::ResolvedSelection& counts
) {
    const std::vector<OpenOwner> owners = SERVO_TRY(open_owners(call, asset.head.id));
    std::map<Outcome, RunSet> without;  // outcome → left out
    const int latest = asset.head.latest_revision;
    SERVO_CHECK(scan_states(
        *call.history,
        asset.head.id,
        all.runs().front().first,
        all.runs().back().last(),
        [&](const std::vector<StateRun>& states) {
            for (const StateRun& state : states) {
                const RunSet indices = all.intersection(OrdinalView({state.ordinals}));
                if (!runs_again(state, policy, latest)) {
                    without[state.outcome].add(indices);
                }
            }
            return true;
        }
    ));
    for (const OpenOwner& owner : owners) {
        add_fresh(owner, all, policy, latest, without);
    }
    RunSet out;
    for (const auto& [outcome, indices] : without) {
        count_left_out(outcome, indices.size(), counts);
        out.add(indices);
    }
    return out;
}

Result<std::vector<OrdinalRun>> kept_runs(const OrdinalView& all, const RunSet& kept) {
    OrdinalRunBuilder builder;
    size_t runs = 0;
    for (const Run& run : kept.runs()) {
        for (const OrdinalRun& part : all.slice(run)) {
            builder.add(part);
            ++runs;
        }
        if (runs > kKeptRunsMax) {
            return fail(resource_exhausted(
                "too_fragmented",
                fmt::format(
                    "What is left of the selection falls into more than {} pieces; select a "
                    "shorter range, or use --reprocess all.",
                    kKeptRunsMax
                )
            ));
        }
    }
    return builder.take();
}

Status describe_chosen(
    const AssetRef& asset, const OrdinalView& view, api::ResolvedSelection& out
) {
    const PartitionScheme& scheme = *asset.revision->scheme;
    out.count = view.size();
    out.first_key = "";
    out.last_key = "";
    if (view.size() == 0) {
        return {};
    }
    const uint64_t last = view.size() - 1;
    out.first_key = SERVO_TRY(scheme.describe(view.at(view.reversed() ? last : 0))).key;
    out.last_key = SERVO_TRY(scheme.describe(view.at(view.reversed() ? 0 : last))).key;
    for (uint64_t i = 0; i < std::min<uint64_t>(view.size(), kSampleKeysMax); ++i) {
        out.sample_keys.push_back(SERVO_TRY(scheme.describe(view.at(i))).key);
    }
    return {};
}

}  // namespace

bool runs_again(const StateRun& state, ReprocessPolicy policy, int latest_revision) {
    switch (state.outcome) {
        case Outcome::kMissing:
            return true;
        case Outcome::kFailed:
            // A first run that failed has never succeeded. The state does not tell it from a
            // failure after a success, so `missing` takes both: running too much is the safer
            // mistake.
            return true;
        case Outcome::kSkipped:
            return policy == ReprocessPolicy::kAll;
        case Outcome::kSucceeded:
            return policy == ReprocessPolicy::kAll ||
                   (policy == ReprocessPolicy::kStale && state.revision < latest_revision);
    }
    return true;
}

Selection model_selection(const api::SelectionRequest& request) {
    return {request.start, request.end, request.keys, request.dims};
}

api::ResolvedSelection render_resolved(const Resolved& resolved) {
    api::ResolvedSelection out;
    out.range_start = some_text(resolved.range_start);
    out.range_end = some_text(resolved.range_end);
    out.timezone = resolved.timezone;
    out.selected = resolved.count;
    out.count = resolved.count;
    out.first_key = resolved.first_key;
    out.last_key = resolved.last_key;
    out.cut_by_bounds = resolved.cut_by_bounds;
    out.not_yet_ended = resolved.not_yet_ended;
    return out;
}

Result<Chosen> choose_partitions(
    Call& call,
    const AssetRef& asset,
    const api::SelectionRequest& selection,
    ReprocessPolicy policy,
    bool reverse
) {
    if (selection.keys.size() > api::kSelectionKeysMax) {
        return fail(invalid_argument(
            "too_many_keys",
            fmt::format(
                "A request names at most {} keys; select by range or dimension.",
                api::kSelectionKeysMax
            )
        ));
    }
    Resolved resolved =
        SERVO_TRY(asset.revision->scheme->resolve(model_selection(selection), call.backend.now()));
    Chosen out;
    out.resolved = render_resolved(resolved);
    std::vector<OrdinalRun> runs = std::move(resolved.ordinals);
    if (!runs.empty() && policy != ReprocessPolicy::kAll) {
        const OrdinalView all(runs);
        RunSet kept(Run{0, all.size()});
        const RunSet without = SERVO_TRY(left_out(call, asset, all, policy, out.resolved));
        if (!without.empty()) {
            kept.subtract(without);
            runs = SERVO_TRY(kept_runs(all, kept));
        }
    }
    out.ordinals = std::make_shared<const OrdinalView>(std::move(runs), reverse);
    SERVO_CHECK(describe_chosen(asset, *out.ordinals, out.resolved));
    return out;
}

}  // namespace servo::server
