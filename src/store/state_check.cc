#include "store/state_check.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/job_id.h"

namespace servo::store {

void StateCheck::add(AssetId asset, const StateBlock& block) {
    explain(asset, block);
    OrdinalRunBuilder& present = present_[asset];
    for (const OrdinalRun& run : block.members()) {
        present.add(run);
    }
}

std::vector<std::string> StateCheck::findings() {
    std::map<AssetId, OrdinalView> views;
    for (auto& [asset, builder] : present_) {
        views.emplace(asset, OrdinalView(builder.take()));
    }
    present_.clear();
    for (const auto& [id, job] : jobs_) {
        if (job.ordinals && !marked_missing_.contains(job.asset) && !job.recorded.empty()) {
            compare(views[job.asset], id, job);
        }
    }
    std::vector<std::string> out = std::move(unexplained_);
    out.insert(out.end(), lost_.begin(), lost_.end());
    return out;
}

void StateCheck::explain(AssetId asset, const StateBlock& block) {
    for (const auto& [origin, runs] : block.parts()) {
        const auto job = jobs_.find(origin.job);
        if (job == jobs_.end() || !job->second.ordinals) {
            continue;
        }
        const RunSet& claimed = origin.outcome == Outcome::kSucceeded ? job->second.done
                                : origin.outcome == Outcome::kFailed  ? job->second.failed
                                                                      : job->second.skipped;
        // A failed partition that a retry finished is overwritten at the next checkpoint.
        const bool outdated = origin.outcome == Outcome::kFailed;
        uint64_t unexplained = 0;
        Ordinal first = 0;
        for (const OrdinalRun& run : runs) {
            for (uint64_t i = 0; i < run.count; ++i) {
                const Ordinal ordinal = run.first + static_cast<int64_t>(i) * run.stride;
                const auto index = job->second.ordinals->index_of(ordinal);
                if (!index || (!claimed.contains(*index) && !outdated)) {
                    first = unexplained++ == 0 ? ordinal : first;
                }
            }
        }
        if (unexplained > 0 && unexplained_.size() < kFindingsMax) {
            unexplained_.push_back(fmt::format(
                "Asset {}: {} partitions, the first is ordinal {}, are kept as {} by job {}, whose "
                "log does not say so.",
                asset.value,
                unexplained,
                first,
                to_string(origin.outcome),
                to_text(origin.job)
            ));
        }
    }
}

void StateCheck::compare(const OrdinalView& present, JobId id, const JobFacts& job) {
    RunSet lost = job.recorded;
    lost.subtract(job.ordinals->intersection(present));
    if (lost.empty() || lost_.size() >= kFindingsMax) {
        return;
    }
    lost_.push_back(fmt::format(
        "Asset {}: {} partitions, the first is ordinal {}, have no state, though job {} completed "
        "them.",
        job.asset.value,
        lost.size(),
        job.ordinals->at(lost.at(0)),
        to_text(id)
    ));
}

}  // namespace servo::store
