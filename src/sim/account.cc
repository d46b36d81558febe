#include "sim/account.h"

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
