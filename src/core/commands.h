// The commands that the scheduler understands, and what it answers. Plain values: whoever holds a
// Scheduler and a Command can repeat a decision. `actor` is who asked, for the audit trail.
//
// A command that answers with an Error has changed nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/changes.h"
#include "model/protocol.h"

namespace servo::core {

using namespace model;  // the scheduler's vocabulary is the model's

// --- definitions -----------------------------------------------------------------------------

enum class ApplyMode { kDryRun, kCommit };

// Definitions of one tenant; the tenant and shared pools are made when they do not exist.
struct TenantDefinitions {
    std::string tenant;
    std::vector<AssetSpec> assets;
    std::vector<PoolSpec> pools;
};
struct ApplyDefinitions {
    ApplyMode mode = ApplyMode::kCommit;
    std::vector<TenantDefinitions> tenants;
    bool prune = false;  // archive the tenant's assets that are not named
    std::string code_dir;
    std::string actor;
};
struct SetTenant {
    std::string tenant;
    std::optional<int> weight;
    std::optional<int64_t> max_concurrency;
    std::optional<int64_t> max_pending;
    bool unset = false;  // end the override
    Instant until = kNever;
    std::string reason;
    std::string actor;
};
struct SetPool {
    std::string tenant;  // empty: a shared pool
    std::string pool;
    std::optional<int64_t> concurrency;
    bool unset = false;
    Instant until = kNever;
    std::string reason;
    std::string actor;
};
struct HoldPool {
    std::string tenant;
    std::string pool;
    bool release = false;
    Instant until = kNever;
    std::string reason;
    std::string actor;
};
struct SetAsset {
    std::string tenant;
    std::string asset;
    std::optional<int64_t> concurrency;
    bool unset = false;
    std::optional<bool> archived;
    Instant until = kNever;
    std::string reason;
    std::string actor;
};
// Adopts or waives history: the partitions' materialised state becomes `outcome`
// (kSucceeded, kSkipped or kMissing). Refused for partitions that an open job owns.
struct MarkPartitions {
    std::string tenant;
    std::string asset;
    std::vector<OrdinalRun> ordinals;
    Outcome outcome = Outcome::kSkipped;
    std::string reason;
    std::string actor;
};
// Makes a token. Its row carries id, role, hash, note, expires_at and created_by; the tenant is
// named and made when it does not exist. With `replaces` the role, tenant and note are those of
// that token, which ends at `replaced_until`.
struct CreateToken {
    TokenRow row;
    std::string tenant;
    std::string replaces;
    Instant replaced_until = kNever;
};
struct RevokeToken {
    std::string token;  // its id
    std::string reason;
    std::string actor;
};
// Steps of a pool's limit from its windows, computed outside (zone rules), ascending; the first
// counts from the beginning of time.
struct SetPoolSteps {
    PoolId pool;
    std::vector<LimitStep> steps;
};

// --- jobs ------------------------------------------------------------------------------------

// All or none. Each row carries what was asked for: id, group, tenant, asset, revision, ordinals,
// reprocess, overlap, range, note, created_by, settings. State, times and generation are set here.
struct CreateJobs {
    std::vector<JobRow> jobs;
};
enum class PauseMode { kDrain, kKill };
struct PauseJob {
    JobId job;
    PauseMode mode = PauseMode::kDrain;
    std::string note;
    Instant until = kNever;
    std::string actor;
};
struct ResumeJob {
    JobId job;
    std::string actor;
};
struct CancelJob {
    JobId job;
    bool force = false;  // kill what runs
    std::string note;
    std::string actor;
};
struct RetryJob {
    JobId job;
    std::vector<FailureClass> classes;  // empty: all
    // Finally failed partitions by class, from the store (the scheduler keeps only the set).
    std::map<FailureClass, RunSet> failed_by_class;
    std::string actor;
};
// Changes settings, for good or until `until`; the revision for good only. A setting that is named
// is not temporary any more unless this makes it so.
struct SetJob {
    JobId job;
    SettingsChange change;
    bool latest_revision = false;
    Instant until = kNever;
    std::string reason;
    std::string actor;
};

// Takes a failed job back into memory, so that it can be retried. Sent by the engine alone.
struct AdoptJob {
    Snapshot::OpenJob job;
};

// --- executors -------------------------------------------------------------------------------

// Whose token came with a call of the executor protocol. A session belongs to the token that opened
// it; one of a tenant gets that tenant's work alone.
struct ExecutorToken {
    std::string id;      // empty: none is asked for here
    TenantId tenant;     // 0 = every tenant's work
    Labels labels = {};  // it may register with these; none = with any
};
struct RegisterExecutor {
    RegisterRequest request;
    ExecutorToken token = {};
};
struct ExecutorCall {
    CallRequest request;
    ExecutorToken token = {};
};
struct DrainExecutor {
    std::string executor;
    bool drain = true;
    std::string actor;
};

// --- time ------------------------------------------------------------------------------------

// What falls due with time: expiry, retries, deadlines, resumptions, probes, checkpoints, aging.
// The engine sends one at next_due(), at least once a second.
struct Tick {};
// The leader itself stood still for `stall`: every session's deadline moves by it, since nobody
// could have been heard meanwhile.
struct AddStall {
    Millis stall{0};
};
// The last of a leader that ends in order: the ledger's running minute and hour are stored as they
// stand. Sent by the engine alone.
struct CloseLedger {};

using Command = std::variant<
    ApplyDefinitions,
    SetTenant,
    SetPool,
    HoldPool,
    SetAsset,
    MarkPartitions,
    CreateToken,
    RevokeToken,
    SetPoolSteps,
    CreateJobs,
    PauseJob,
    ResumeJob,
    CancelJob,
    RetryJob,
    SetJob,
    AdoptJob,
    RegisterExecutor,
    ExecutorCall,
    DrainExecutor,
    Tick,
    AddStall,
    CloseLedger>;

// --- replies ---------------------------------------------------------------------------------

enum class AppliedAction { kCreated, kChanged, kUnchanged, kArchived };
struct AppliedAsset {
    std::string tenant;
    std::string name;
    AppliedAction action = AppliedAction::kUnchanged;
    int revision = 0;
    std::shared_ptr<const AssetRevision> before;  // null when created
    std::shared_ptr<const AssetRevision> after;   // null when archived
    bool overridden = false;                      // a live `asset set` stays in force
};
struct AppliedPool {
    std::string tenant;  // empty: shared
    std::string name;
    AppliedAction action = AppliedAction::kUnchanged;
    bool overridden = false;
};
struct ApplyReply {
    std::vector<AppliedAsset> assets;
    std::vector<AppliedPool> pools;
    bool changed() const;
};
struct JobReply {
    JobId job;
    JobState state = JobState::kPending;
    bool changed = false;     // false: it already was as asked (idempotent)
    uint64_t partitions = 0;  // affected: retried, skipped by overlap, …
    int rank = 0;             // SetJob: place among the tenant's open jobs, from 1
};
struct JobsReply {
    std::vector<JobReply> jobs;
};
struct Done {
    bool changed = true;
};

using Reply = std::variant<Done, ApplyReply, JobsReply, JobReply, RegisterReply, CallReply>;

}  // namespace servo::core
