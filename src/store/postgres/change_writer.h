// Turns a ChangeSet into statements of a pipeline: a few for a whole commit, whatever its size,
// with one array parameter a column. On disk a commit only inserts and deletes, except in rows of
// state (tenants, pools, assets, executors, jobs, checkpoints, partition states, statistics). Not
// thread-safe.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "store/lease_log.h"
#include "store/postgres/connection.h"
#include "store/state_block.h"
#include "store/store.h"

namespace servo::store::postgres {

using namespace model;

class ChangeWriter {
 public:
    // Reads what the statements depend on: at most one round trip, none in most commits.
    Status look_up(Connection& db, const ChangeSet& changes);

    // Adds the batch's statements. Errors: internal / "bad_done_entries", "corrupt_payload",
    // conflict / "unknown_job", "unknown_revision".
    Status add(Pipeline& out, const Batch& batch);

    // Drops what was remembered; after anything but a definite commit.
    void forget() {
        places_.clear();
        leases_.reset();
    }

 private:
    struct JobPlace {
        TenantId tenant;
        AssetId asset;
    };
    using BlockKey = std::pair<AssetId, int64_t>;

    Status add_batch(Pipeline& out, const Batch& batch);
    void add_definitions(Pipeline& out, const ChangeSet& changes);
    void add_pool(Pipeline& out, const PoolRow& row);
    Status add_jobs(Pipeline& out, const ChangeSet& changes);
    Status add_checkpoints(Pipeline& out, const ChangeSet& changes);
    Status add_done(Pipeline& out, const ChangeSet& changes, int64_t seq);
    Status add_failures(Pipeline& out, const ChangeSet& changes, int64_t seq);
    Status add_logs(Pipeline& out, const ChangeSet& changes);
    Status add_states(Pipeline& out, const ChangeSet& changes);
    void add_small(Pipeline& out, const ChangeSet& changes);
    Result<JobPlace> place_of(JobId id) const;

    static constexpr size_t kPlacesMax = 100'000;
    std::unordered_map<JobId, JobPlace> places_;
    std::optional<LeaseLog> leases_;         // as of the last commit, once a batch needed it
    std::map<BlockKey, StateBlock> blocks_;  // as stored, of the commit at hand
};

}  // namespace servo::store::postgres
