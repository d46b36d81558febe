#include "server/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/reprocess.h"
#include "server/ask_memory.h"

namespace servo::server {
namespace {

using namespace model;

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

}  // namespace

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

Result<std::vector<std::string>> sample_keys(const AssetRef& asset, const OrdinalView& view) {
    std::vector<std::string> out;
    for (uint64_t i = 0; i < std::min<uint64_t>(view.size(), kSampleKeysMax); ++i) {
        out.push_back(SERVO_TRY(asset.revision->scheme->describe(view.at(i))).key);
    }
    return out;
}

namespace {

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
    out.sample_keys = SERVO_TRY(sample_keys(asset, view));
    return {};
}

}  // namespace

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
    const OrdinalView all(runs);
    const auto without =
        SERVO_TRY(engine::left_out(*call.history, asset.head, all, policy, ask_jobs(call)));
    if (!without.empty()) {
        RunSet kept(Run{0, all.size()});
        for (const auto& [outcome, indices] : without) {
            count_left_out(outcome, indices.size(), out.resolved);
            kept.subtract(indices);
        }
        runs = SERVO_TRY(kept_runs(all, kept));
    }
    out.ordinals = std::make_shared<const OrdinalView>(std::move(runs), reverse);
    SERVO_CHECK(describe_chosen(asset, *out.ordinals, out.resolved));
    return out;
}

}  // namespace servo::server
