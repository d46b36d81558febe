// What the memory store keeps: the same facts as the tables of the others. Private to store/memory.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "store/memory/memory_store.h"
#include "store/replay.h"

namespace servo::store {

struct MemoryStore::Facts {
    struct BatchFact {
        int64_t epoch = 0;
        Instant now;
    };
    struct Failure {
        int64_t id = 0;
        int64_t seq = 0;
        FailureRow row;
    };
    struct Event {
        int64_t id = 0;
        EventRow row;
    };
    using DoneKey = std::pair<uint64_t, int64_t>;  // block, seq

    LeaderRow leader;
    std::map<int64_t, BatchFact> batches;  // by seq
    std::map<TenantId, TenantRow> tenants;
    std::map<PoolId, PoolRow> pools;
    int64_t max_pool_id = 0;  // of removed ones too
    std::map<AssetId, AssetHead> assets;
    std::map<std::pair<AssetId, int>, std::shared_ptr<const AssetRevision>> revisions;
    std::map<ExecutorId, ExecutorRow> executors;
    std::map<std::string, TokenRow> tokens;
    std::map<JobId, JobRow> jobs;
    std::map<JobId, JobCheckpoint> checkpoints;
    std::map<GrantKey, GrantRow> grants;
    std::map<JobId, std::map<DoneKey, std::vector<DoneEntry>>> done;
    std::map<JobId, std::vector<Failure>> failures;  // in commit order
    std::map<JobId, std::vector<LogRow>> logs;       // in commit order
    int64_t next_failure_id = 1;
    std::map<AssetId, std::map<int64_t, StateBlock>> states;
    std::map<std::pair<AssetId, int>, DurationStats> durations;
    std::vector<Event> events;  // in commit order
    int64_t next_event_id = 1;
    std::map<std::tuple<TenantId, std::string, std::string>, IdempotencyRow> idempotency;
    using LedgerPlace = std::tuple<LedgerSpan, Instant, int64_t, LedgerScope>;
    std::map<LedgerPlace, LedgerRow> ledger;

    Status expect_leader(int64_t epoch) const;  // error: unavailable / "deposed"
    JobCheckpoint stored_checkpoint(const JobRow& job) const {
        const auto it = checkpoints.find(job.id);
        return it == checkpoints.end() ? untouched(job) : it->second;
    }
    Replay replay(const JobRow& job) const;
    Snapshot::OpenJob open_job(const JobRow& job) const;
};

}  // namespace servo::store
