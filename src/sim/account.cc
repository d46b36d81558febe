#include "sim/account.h"

#include <algorithm>

namespace servo::sim {

std::optional<PoolId> Accounts::pool_named(TenantId tenant, const std::string& name) const {
    std::optional<PoolId> shared;
    for (const auto& [id, row] : pools) {
        if (row.spec.name != name) {
            continue;
        }
        if (row.tenant == tenant) {
            return id;
        }
        if (!row.tenant) {
            shared = id;
        }
    }
    return shared;
}

Standing Accounts::standing_of(AssetId asset, Ordinal ordinal) const {
    const auto partitions = standings.find(asset);
    if (partitions == standings.end()) {
        return {};
    }
    const auto found = partitions->second.find(ordinal);
    return found == partitions->second.end() ? Standing{} : found->second;
}

bool Accounts::is_owned(AssetId asset, Ordinal ordinal) const {
    return std::any_of(jobs.begin(), jobs.end(), [&](const auto& entry) {
        const JobAccount& job = entry.second;
        if (job.row.asset != asset || is_terminal(job.row.state)) {
            return false;
        }
        const std::optional<Index> index = job.row.ordinals->index_of(ordinal);
        return index && job.remaining.contains(*index);
    });
}

Ordinal Accounts::end_of(AssetId asset) const {
    Ordinal end = 1;
    for (const auto& [id, job] : jobs) {
        if (job.row.asset == asset) {
            end = std::max(end, job.row.ordinals->runs().back().last() + 1);
        }
    }
    return end;
}

uint64_t rank_in(const RunSet& set, Index index) {
    uint64_t rank = 0;
    for (const Run& run : set.runs()) {
        if (run.end > index) {
            return rank + (index > run.first ? index - run.first : 0);
        }
        rank += run.size();
    }
    return rank;
}

RunSet ordinals_of(const JobRow& job, const RunSet& indices) {
    RunSet out;
    for (const Run& run : indices.runs()) {
        for (const OrdinalRun& part : job.ordinals->slice(run)) {
            const auto first = static_cast<uint64_t>(part.first);
            if (part.stride == 1) {
                out.add(Run{first, first + part.count});
                continue;
            }
            for (uint64_t i = 0; i < part.count; ++i) {
                out.add(first + i * static_cast<uint64_t>(part.stride));
            }
        }
    }
    return out;
}

}  // namespace servo::sim
