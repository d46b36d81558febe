// What the scheduler shows of itself: values for people, made at a batch boundary. Nothing here
// decides anything.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/commands.h"
#include "model/ledger.h"

namespace servo::core {

// Why work waits. The words are the waiting ledger's gates (docs/concepts.md) and stable.
enum class Gate {
    kNone,       // eligible: waits for a free slot only ("capacity")
    kNotBefore,  // backoff after a failure
    kUpstream,
    kPaused,
    kCancelling,
    kOverlap,   // waits for another job that owns the partitions
    kRevision,  // what runs ends first: then the job goes on with a newer revision
    kPoolHeld,  // pool hold by a person
    kBreaker,   // the pool's breaker is open
    kPoolLimit,
    kAssetLimit,
    kJobLimit,
    kTenantLimit,
    kSequential,  // the partition before it has not finished
    kNoExecutor,  // none that takes work, or none with the labels
};
constexpr size_t kGateCount = static_cast<size_t>(Gate::kNoExecutor) + 1;
// Those under which a job is not helped by more slots.
inline constexpr std::array kGatesThatCap = {
    Gate::kNotBefore,
    Gate::kUpstream,
    Gate::kPaused,
    Gate::kCancelling,
    Gate::kOverlap,
    Gate::kRevision,
    Gate::kPoolHeld,
    Gate::kBreaker,
    Gate::kPoolLimit,
    Gate::kAssetLimit,
    Gate::kJobLimit,
    Gate::kTenantLimit,
    Gate::kSequential};
std::string_view to_string(Gate gate);

struct GateShare {
    Gate gate = Gate::kNone;
    uint64_t partitions = 0;
    std::string subject;  // pool, asset, job or executor label that holds it
    Instant since;
    std::optional<Instant> until;  // when it is known
    std::string release;           // a sentence: what would release it, with the command to type
};

struct SlotHolder {
    ExecutorId executor;
    std::string executor_name;
    LeaseId lease;
    Index next = 0;  // the index that runs now
    uint64_t unreported = 0;
    Instant since;  // when that partition began, as far as this leader heard
};

// Now is the last minute; before are the ten minutes until then.
constexpr Millis kRateNow{60'000};
constexpr Millis kRateBefore{660'000};

// A job as its row says, with what only the scheduler knows.
// Paused by a rule of the scheduler, not by a person: going on is a person's decision.
bool paused_itself(const JobRow& row);

struct JobView {
    JobRow row;
    JobCounters counters;
    std::string tenant_name;
    std::string asset_name;
    uint64_t running = 0;
    uint64_t pending = 0;
    int effective_priority = 0;
    int rank = 0;               // among the tenant's open jobs, from 1; 0 = not open
    int64_t slots = 0;          // leases held
    std::vector<PoolId> pools;  // that each lease takes units of
    // Finished partitions per second, ×1000, now and before, as far as this leader saw them.
    int64_t rate_now_milli = 0;
    int64_t rate_before_milli = 0;
    DurationStats durations;          // of this job's asset revision
    std::vector<SlotHolder> holders;  // at most 100
    std::vector<GateShare> waiting;   // why the rest waits, largest first
};

struct ExecutorView {
    ExecutorRow row;
    SessionId session;  // 0 = not connected
    std::map<std::string, std::string> labels;
    int slots = 0;
    int busy = 0;
    Instant last_seen_at;
    bool draining = false;
    SlotMillis slot_ms{};
};

struct PoolView {
    PoolRow row;
    std::string tenant_name;
    int64_t limit = -1;            // in force now; -1 = none
    Instant limit_until = kNever;  // a window makes it lower than it is from then on
    bool limit_known = true;       // false: its windows are not told yet, and nothing is granted
    int64_t used = 0;
    int recent_attempts = 0;  // of the breaker's window
    int recent_external = 0;
    bool wanted = false;                   // an open backfill uses it
    std::optional<Instant> next_probe_at;  // of an open breaker, where it is wanted
};

struct TenantView {
    TenantRow row;
    int64_t slots = 0;
    uint64_t pending = 0;
    int open_jobs = 0;
    int64_t fair_share_milli = 0;  // weight over the weights of tenants with eligible work, × 1000
};

// What metrics want to know of one open job.
struct JobMeter {
    JobId id;
    TenantId tenant;
    JobState state = JobState::kPending;
    uint64_t running = 0;   // leased and started, one a lease
    uint64_t eligible = 0;  // waits for a free slot only
    uint64_t gated = 0;     // held back by a gate, backoff included
    // Since when it could have got the first lease since its start or resume; absent once it got
    // it, and while a gate other than the lack of executors holds all of it.
    std::optional<Instant> claimable_since;
    bool deadline_at_risk = false;  // would end after its deadline at its present slots
    bool deadline_missed = false;
    // Slots with which it would be done at its deadline, or within kDesiredHorizon without one.
    int64_t needs_slots = 0;
    int64_t slots = 0;           // leases held
    Gate held_by = Gate::kNone;  // why more slots would not help; kNone: they would
};
constexpr Millis kDesiredHorizon{3'600'000};
constexpr Millis kDesiredHorizonMin{60'000};
constexpr int kDesiredBusyPercent = 85;  // busy share of the slots that is aimed at

// What time was spent on, summed over a span of the ledger.
struct LedgerView {
    struct Row {
        LedgerKey key;
        std::string name;  // as people say it: "acme", "acme/orders"; "-" for nobody
        TenantId tenant;   // whose it is; 0: of nobody in particular
        std::map<std::string, int64_t, std::less<>> amounts;  // by word; ms or counts
    };
    Millis span{0};  // less than asked for while the leader is young
    std::vector<Row> rows;
};

// Indices of a job that its last checkpoint, and so the materialised state, does not have yet, and
// what runs.
struct Unwritten {
    RunSet done;
    RunSet failed;  // for good
    RunSet running;
};

// Why one partition of a job is where it is.
struct PartitionView {
    enum class State { kPending, kRunning, kCompleted, kFailed, kSkipped, kCancelled };
    State state = State::kPending;
    bool leased = false;
    GateShare waiting;
    int attempt = 1;
};
std::string_view to_string(PartitionView::State state);

}  // namespace servo::core
