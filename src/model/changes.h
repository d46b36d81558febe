// ChangeSet: everything one committed batch writes. The scheduler fills it, the store applies it in
// one transaction under the leader's epoch. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/asset.h"
#include "model/job.h"
#include "model/ledger.h"
#include "model/pool.h"
#include "model/protocol.h"
#include "model/records.h"
#include "model/tenant.h"
#include "model/token.h"

namespace servo::model {

// A live grant (one row each; in a batch, deletes come before inserts): inserted when given,
// deleted when all of it is reported or taken back. Work of a lease = its grants' indices less what
// the done log and the final failures say.
struct GrantRow {
    LeaseId lease;
    int64_t number = 0;
    SessionId session;
    ExecutorId executor;
    TenantId tenant;
    JobId job;
    int generation = 1;
    int attempt = 1;
    Token token_base = 0;         // of its first index
    uint64_t first_position = 0;  // of its first index in the lease
    int deaths = 0;               // > 0: a suspect, run in small company
    RunSet indices;
    Instant granted_at;
    bool operator==(const GrantRow&) const = default;
};
using GrantKey = std::pair<LeaseId, int64_t>;  // lease, number

// Whether an executor is there. Lost: it fell silent. Left: it ended in order, or was lost so long
// ago that nobody expects it any more. Persisted and on the wire by name.
enum class Presence { kPresent, kLost, kLeft };
std::string_view to_string(Presence presence);
std::optional<Presence> presence_from(std::string_view name);

struct ExecutorRow {
    ExecutorId id;
    std::string name;
    std::string host;
    std::string build;
    int slots = 0;
    Instant last_registered_at;
    bool drain_wanted = false;
    TenantId tenant;  // of the token it last came with; 0 = works for every tenant
    Presence presence = Presence::kPresent;
    Instant last_seen_at;  // of one that is present: when it came
    // Of one that was lost: those that nobody took the place of; expected for a time.
    int missing_slots = 0;
    bool operator==(const ExecutorRow&) const = default;
};

// Audit and timeline: who did what, or what happened. Append-only.
struct EventRow {
    TenantId tenant;  // 0 = of the whole installation
    Instant at;
    std::string actor;    // user, executor or "servo"
    std::string kind;     // "backfill.paused", "pool.held", "executor.joined", …
    std::string subject;  // job id, pool, executor or asset name
    std::string detail;   // a sentence for people; no secrets
    bool operator==(const EventRow&) const = default;
};

struct IdempotencyRow {
    TenantId tenant;
    std::string route;
    std::string key;
    std::string body_hash;
    int http_status = 200;
    std::string reply;
    Instant at;
    bool operator==(const IdempotencyRow&) const = default;
};

// How long successful partitions of a revision took: log-linear buckets (4 per octave of µs), for
// forecasts. Upserted about once a second while it changes.
struct DurationStats {
    uint64_t count = 0;
    int64_t sum_us = 0;
    std::map<int, uint64_t> buckets;
    bool operator==(const DurationStats&) const = default;
    void add(Micros duration, uint64_t times = 1);
    Micros mean() const;                     // 0 when empty
    Micros quantile_per_mille(int q) const;  // upper edge of the bucket; 0 when empty
};
std::string encode_duration_stats(const DurationStats& stats);
Result<DurationStats> decode_duration_stats(std::string_view bytes);

struct DurationRow {
    AssetId asset;
    int revision = 0;
    DurationStats stats;
};

struct AssetHead {
    AssetId id;
    TenantId tenant;
    std::string name;
    int latest_revision = 0;
    bool archived = false;
    bool marked_missing = false;                  // a person marked partitions so at some time
    std::optional<int64_t> concurrency_override;  // `asset set`
    Override override_info;
    bool operator==(const AssetHead&) const = default;
};

struct ChangeSet {
    std::vector<TenantRow> tenants;  // upserts, by id
    std::vector<PoolRow> pools;      // upserts
    std::vector<PoolId> removed_pools;
    std::vector<AssetHead> assets;                                // upserts
    std::vector<std::shared_ptr<const AssetRevision>> revisions;  // inserts
    std::vector<ExecutorRow> executors;                           // upserts
    std::vector<ExecutorId> removed_executors;                    // deletes, before the upserts
    std::vector<JobRow> jobs;                // upserts; the ordinals are written only for a new job
    std::vector<JobCheckpoint> checkpoints;  // replace the job's earlier one
    std::vector<GrantRow> grants;            // inserts
    std::set<GrantKey> ended_grants;  // deletes; a grant of this very batch is simply left out
    std::map<std::pair<JobId, uint64_t>, std::vector<DoneEntry>> done;  // by job and block
    std::vector<FailureRow> failures;                                   // inserts
    std::vector<LogRow> logs;                                           // inserts
    std::vector<MaterialisedChange> materialised;
    std::vector<DurationRow> durations;  // upserts
    std::vector<TokenRow> tokens;        // upserts, by id
    std::vector<EventRow> events;
    std::vector<IdempotencyRow> idempotency;
    std::vector<LedgerRow> ledger;  // upserts, by span, at, epoch and scope

    bool empty() const;
};

// Everything a new leader needs to schedule: the active part of the store. Jobs in a terminal state
// are not in it (Store::load_job brings one back).
struct Snapshot {
    int64_t epoch = 0;
    int64_t last_seq = 0;  // of any epoch
    Instant last_now;      // of the last committed batch
    int64_t max_tenant_id = 0, max_asset_id = 0, max_pool_id = 0, max_executor_id = 0;
    std::vector<TenantRow> tenants;
    std::vector<PoolRow> pools;
    std::vector<AssetHead> assets;
    std::vector<std::shared_ptr<const AssetRevision>>
        revisions;  // latest of each, and of open jobs
    std::vector<ExecutorRow> executors;
    std::vector<TokenRow> tokens;
    std::vector<DurationRow> durations;

    struct OpenJob {
        JobRow row;
        JobCheckpoint checkpoint;          // with later done and failure rows already applied
        std::vector<FailureRow> retrying;  // newest row of this generation of each remaining index
        RunSet done_after;    // indices that later done rows added on top of the stored checkpoint
        RunSet failed_after;  // and later final failures; not yet in the materialised state
        std::shared_ptr<const AssetRevision> revision;  // of row.revision; never null
    };
    std::vector<OpenJob> jobs;
    std::vector<GrantRow> grants;
};

}  // namespace servo::model
