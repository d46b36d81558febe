// What the auditor believes, built from nothing but the committed batches: jobs with their
// partitions in sets, live grants, limits. Written independently of the scheduler. Plain data.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/changes.h"

namespace servo::sim {

using namespace model;

struct JobAccount {
    JobRow row;
    RunSet remaining, done, failed, skipped, cancelled;
    JobCounters counters;              // recounted from the rows
    std::map<Index, FailureRow> last;  // newest failure of each index
    std::set<GrantKey> grants;         // live ones
};

struct GrantAccount {
    GrantRow row;
    RunSet left;  // not yet reported
};

struct LeaseAccount {
    TenantId tenant;
    AssetId asset;
    JobId job;
    SessionId session;
    std::vector<std::pair<PoolId, int>> pools;
    std::set<int64_t> numbers;  // of its live grants
};

// What became of a partition of an asset last, whatever job did it. Never touched: kMissing.
struct Standing {
    model::Outcome outcome = model::Outcome::kMissing;
    JobId job;  // 0: a mark
    int revision = 0;
    bool made = false;  // it succeeded, or was marked so, since its last other mark
    auto operator<=>(const Standing&) const = default;
};

struct Accounts {
    std::map<TenantId, TenantRow> tenants;
    std::map<PoolId, PoolRow> pools;
    std::map<PoolId, std::vector<LimitStep>> steps;  // told to the scheduler, never stored
    std::map<AssetId, AssetHead> assets;
    std::map<std::pair<AssetId, int>, std::shared_ptr<const AssetRevision>> revisions;
    std::map<std::string, ExecutorRow> executors;
    std::map<JobId, JobAccount> jobs;
    std::map<GrantKey, GrantAccount> grants;
    std::map<Token, GrantKey> by_token;  // live grants by the token of their first index
    std::map<LeaseId, LeaseAccount> leases;
    std::map<AssetId, RunSet> leased;  // ordinals under live grants
    std::map<AssetId, std::map<Ordinal, Standing>> standings;
    std::map<std::pair<AssetId, int>, uint64_t> successes;  // recorded, by revision

    const AssetSpec& spec_of(const JobRow& row) const {
        return revisions.at({row.asset, row.revision})->spec;
    }
    std::optional<PoolId> pool_named(TenantId tenant, const std::string& name) const;
    Standing standing_of(AssetId asset, Ordinal ordinal) const;
    // Whether an open job has the partition still to do.
    bool is_owned(AssetId asset, Ordinal ordinal) const;
    // One more than the highest ordinal that any job of the asset has; 1 without one.
    Ordinal end_of(AssetId asset) const;
};

// Members of `set` smaller than `index`.
uint64_t rank_in(const RunSet& set, Index index);
// The ordinals of `indices` as a set; ordinals are not negative.
RunSet ordinals_of(const JobRow& job, const RunSet& indices);

}  // namespace servo::sim
