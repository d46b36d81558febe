// Writes a ChangeSet into an open transaction. On disk a commit only inserts and deletes, except in
// rows of state (tenants, pools, assets, executors, jobs, checkpoints, partition states,
// statistics). Not thread-safe.
#pragma once

#include <optional>
#include <unordered_map>

#include "store/lease_log.h"
#include "store/sqlite/connection.h"
#include "store/store.h"

namespace servo::store::sqlite {

using namespace model;

class ChangeWriter {
 public:
    explicit ChangeWriter(Connection& db) : db_(db) {}

    // All of the batch's changes, or an error that says why; the caller rolls back then and must
    // call forget(). Errors: those of Connection, and internal / "bad_done_entries", conflict /
    // "unknown_job".
    Status write(const Batch& batch);

    // Drops what was remembered of rows that were rolled back.
    void forget() {
        places_.clear();
        leases_.reset();
    }

 private:
    struct JobPlace {
        TenantId tenant;
        AssetId asset;
    };

    Status write_definitions(const ChangeSet& changes);
    Status write_tenant(const TenantRow& row);
    Status write_pool(const PoolRow& row);
    Status write_asset(const AssetHead& row);
    Status write_revision(const AssetRevision& revision);
    Status write_executor(const ExecutorRow& row);
    Status write_job(const JobRow& row);
    Status insert_job(const JobRow& row);
    Status write_checkpoint(const JobCheckpoint& checkpoint);
    Status write_grants(const ChangeSet& changes, int64_t seq);
    Status write_done(const ChangeSet& changes, int64_t seq);
    Status write_failure(const FailureRow& row, int64_t seq);
    Status write_log(const LogRow& row);
    Status write_materialised(const ChangeSet& changes);
    Status write_small(const ChangeSet& changes);
    Status write_ledger(const ChangeSet& changes);

    // Whose the job is. Error: conflict / "unknown_job".
    Result<JobPlace> place_of(JobId id);
    Result<TenantId> tenant_of(AssetId id);

    Connection& db_;
    std::unordered_map<JobId, JobPlace> places_;
    std::optional<LeaseLog> leases_;  // as of the last commit; read when it is needed first
};

constexpr size_t kPlacesMax = 200'000;  // remembered jobs; beyond it the memory starts afresh

}  // namespace servo::store::sqlite
