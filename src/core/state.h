// The scheduler's memory as plain data. Everything here is either loaded from the store or derived
// from it; usage counts are cached and changed in usage.cc alone. Private to src/core.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "core/breaker.h"
#include "core/commands.h"
#include "core/ledger.h"
#include "core/tally.h"
#include "core/views.h"

namespace servo::core {

constexpr Millis kTickInterval{1'000};
// A job's results wait so long for more to be in one checkpoint with them; checkpoints of all jobs
// together keep this distance on average, and are written several at a time, since the store has to
// read before it writes them.
constexpr Millis kCheckpointInterval{1'000};
constexpr Millis kCheckpointSpacing{2};
constexpr Millis kCheckpointRound{20};
constexpr Millis kAgingStep{600'000};  // +1 effective priority per this long waited
constexpr int kAgingMax = 20;
constexpr uint64_t kQuantumPartitions = 64;  // deficit round robin
constexpr int64_t kQuantumUs = 1'000'000;
constexpr int64_t kRangeTargetUs = 1'000'000;    // expected work in one lease
constexpr int64_t kTopUpBelowUs = 500'000;       // unstarted work at which a lease is topped up
constexpr int64_t kUnknownDurationUs = 100'000;  // charged while nothing is known
constexpr size_t kRateCells = 72;                // of 10 s: twelve minutes
constexpr int64_t kRateCellMs = 10'000;
constexpr size_t kSessionsMax = 10'000;
constexpr size_t kReplacedMax = 1'000;
constexpr Millis kLostFor{24 * 3'600'000};  // then a lost executor counts as one that left
// Those that left are known by name for so long, for what is said of their work; beyond so many,
// those that left first are forgotten sooner.
constexpr Millis kExecutorKeptFor{30LL * 24 * 3'600'000};
constexpr size_t kExecutorsMax = 10'000;
constexpr size_t kOpenJobsMax = 100'000;
constexpr Millis kMissingFor{3'600'000};  // a lost executor's slots are expected for so long
constexpr Millis kSilentAfter{5'000};     // then free slots count as down
constexpr size_t kJobsLookedAt = 5'000;   // a second, for the ledger of waiting work
constexpr uint64_t kBaselineSamples = 30;

// Finished partitions per 10-second cell, the newest cells only.
struct RateRing {
    std::array<uint32_t, kRateCells> cells{};
    int64_t newest = 0;  // number of the newest cell: instant / 10 s
    void add(Instant now, uint64_t count);
    // Of the cells that have a part in [from, to).
    uint64_t sum(Instant from, Instant to) const;
    // Per second, × 1000, over the cells that began in [now - from, now - to), the present one as
    // far as it has come. Counting began at `began`: what was before is neither few nor many.
    int64_t milli_per_second(Instant now, Millis from, Millis to, Instant began) const;
};

struct Tenant {
    TenantRow row;
    int64_t slots = 0;  // usage: live leases
    int64_t vtime = 0;  // slot-µs · 1000 / weight received; compared between tenants
    std::set<JobId> open_jobs;
    uint64_t open_total = 0;  // partitions of open_jobs, ended ones among them
    // Jobs with something to grant: (-effective priority, not urgent, slack or turn, job).
    std::set<std::tuple<int, int, int64_t, JobId>> queue;
    const TenantLimits& limits() const {
        return row.override_limits ? *row.override_limits : row.limits;
    }
};

struct Pool {
    PoolRow row;
    std::vector<LimitStep> steps;  // empty: row.spec.concurrency at all times
    int64_t used = 0;              // usage: units of live leases
    std::map<TenantId, int64_t> used_by_tenant;
    Breaker breaker;
};

// What a success of a revision costs in normal times: the mean of the recorded durations when there
// are enough, else of its first ones after a warm-up. Frozen from then on, so that a slow hour does
// not become the measure of itself. 0: not known yet.
struct Baseline {
    int64_t mean_us = 0;
    uint64_t skipped = 0;  // of the warm-up
    uint64_t count = 0;
    int64_t sum_us = 0;
};

struct RevisionEntry {
    std::shared_ptr<const AssetRevision> revision;
    DurationStats durations;
    Baseline baseline;
};

struct Asset {
    AssetHead head;
    std::map<int, RevisionEntry> revisions;
    int64_t slots = 0;  // usage: live leases
    std::set<JobId> open_jobs;
};

// What a lease has in common for all of its partitions. The generation is the job's at the first
// try of a partition since its start or since it was taken back by a retry, and stays for its next
// ones.
struct Tries {
    int deaths = 0;
    int attempt = 1;
    int generation = 1;
    auto operator<=>(const Tries&) const = default;
};

// An index that failed before: when it runs again and with which number.
struct Waiting {
    Instant retry_at;
    Tries tries;                            // of its next attempt
    std::optional<Instant> external_since;  // nothing but `external`, and deaths, since then
    Token token = 0;                        // of the attempt that failed last
};

struct Job {
    JobRow row;
    JobCounters counters;
    std::shared_ptr<const AssetRevision> revision;
    std::vector<std::pair<PoolId, int>> pools;  // what a lease takes

    RunSet remaining;  // not yet terminal
    RunSet ready;      // first attempts that may be granted
    // Every remaining index with a failure behind it. In `due` when it may be granted, in
    // State::backoff while it waits, in neither while leased.
    std::map<Index, Waiting> waiting;
    std::map<Tries, RunSet> due;
    RunSet failed, skipped, cancelled;
    std::set<LeaseId> leases;

    // Pick order.
    int effective_priority = 0;
    bool urgent = false;  // slack under 20 % of the remaining time
    int64_t slack_ms = 0;
    int64_t turn = 0;     // place in the round robin
    uint64_t served = 0;  // partitions since the turn began
    int64_t served_us = 0;
    bool queued = false;    // is in the tenant's queue
    Instant waiting_since;  // for aging: last grant, or since it may run
    Instant gated_at;       // the last look at which more than a free slot was missing
    // What held back its work at the last look at what waits, and since when; none: nothing waited.
    Gate held_by = Gate::kNone;
    int64_t held_subject = 0;
    std::optional<Instant> held_since;
    uint64_t tail_range_min = 1;  // the tail's ranges get no smaller; raised by a forecast alone

    // Persistence.
    bool row_dirty = false;
    bool checkpoint_now = false;
    std::optional<Instant> unwritten_since;  // of the first result that no checkpoint has
    RunSet done_since, failed_since;         // not yet in the materialised state
    RateRing rate;

    uint64_t leased = 0;  // unreported indices of its leases; cached, changed with the leases
};

struct LeaseGrant {
    int64_t number = 0;
    Token token_base = 0;
    uint64_t first_position = 0;
    std::vector<Run> runs;     // still unreported, in order
    uint64_t size = 0;         // partitions still unreported
    uint64_t reported = 0;     // partitions of it already reported
    int64_t inserted_seq = 0;  // batch that inserts its row
};

struct Lease {
    LeaseId id;
    SessionId session;
    ExecutorId executor;
    TenantId tenant;
    AssetId asset;
    JobId job;
    int generation = 1;
    int attempt = 1;
    int deaths = 0;
    std::vector<LeaseGrant> grants;  // those with something unreported, plus unacked ones; few
    uint64_t size = 0;               // positions granted, less shrunk
    uint64_t reported = 0;           // positions reported
    uint64_t started = 0;            // as the executor last said
    int64_t last_number = 0;         // newest grant
    std::optional<uint64_t> shrink_to;
    bool stop = false;
    Instant granted_at;
    Instant progress_at;              // last result, for re-estimating what runs
    int64_t charged_ahead_us = 0;     // charged beyond the estimate while one partition runs on
    int64_t estimate_us = 0;          // per partition, as charged at grant
    bool charged = false;             // counted in the usage of its scopes
    Stamp booked_to = 0;              // its slot's time is in the ledger up to here
    std::optional<Instant> last_end;  // of the last result, by the executor's clock
};

struct Session {
    SessionId id;
    ExecutorId executor;
    int slots = 1;
    std::map<std::string, std::string> labels;
    std::string build;
    std::string host;
    Instant last_call;
    Instant joined_at;
    int64_t next_grant = 1;
    int64_t ack = 0;
    std::set<LeaseId> leases;
    std::map<int64_t, Grant> unacked;  // by number
    std::set<std::pair<AssetId, int>> known_definitions;
    std::array<int64_t, 2> last_call_number{};  // by CallKind
    std::array<std::shared_ptr<const CallReply>, 2> last_reply;
    SlotMillis slot_ms{};
    bool draining = false;        // as its last call said
    bool told_to_drain = false;   // by the last answer to it
    bool drains_as_told = false;  // its last call came after such an answer, and said no more
    int64_t last_register = 0;    // number of the newest registration
    ExecutorToken token;          // that opened it
    bool registered = true;       // false: known from its leases alone, since a leader loaded them
    Stamp idle_booked_to = 0;     // time of its free slots
    // Slot time in which it waited for answers to results, as it says, and not yet booked.
    int64_t report_us = 0;
};
// Slots without a lease; below 0 while one that is to go still finishes what it has.
inline int64_t free_slots(const Session& session) {
    return session.slots - static_cast<int64_t>(session.leases.size());
}

// Slots that are expected: their executor was seen less than kMissingFor ago.
struct MissingSlots {
    int64_t slots = 0;
    Instant since;
    Stamp booked_to = 0;
};

// How free slots are booked until the next look at what waits: parts of a million by meter.
struct IdleSplit {
    std::vector<Amount> parts{{kMeterNoWork, 1'000'000}};
    // Booked since the last look for want of a slot or behind a gate, by gate and cell of the
    // ledger: whose work it was is known at the next look. Gate::kNone: not handed out.
    std::array<std::map<int64_t, int64_t>, kGateCount> concerned_us;
};

struct State {
    int64_t epoch = 0;
    Token next_token = 0;
    Prng prng;
    Instant now;
    int64_t max_tenant_id = 0, max_asset_id = 0, max_pool_id = 0, max_executor_id = 0;

    std::map<TenantId, Tenant> tenants;
    std::map<std::string, TenantId, std::less<>> tenant_names;
    std::map<PoolId, Pool> pools;
    std::map<std::pair<TenantId, std::string>, PoolId> pool_names;  // tenant 0: shared
    std::map<AssetId, Asset> assets;
    std::map<std::pair<TenantId, std::string>, AssetId> asset_names;
    std::map<ExecutorId, ExecutorRow> executors;
    std::map<std::string, ExecutorId, std::less<>> executor_names;
    std::map<ExecutorId, SessionId> session_of;
    std::map<std::string, TokenRow, std::less<>> tokens;
    std::map<SessionId, Session> sessions;
    // Sessions that gave way to a newer life of their executor or ended in order, the newest
    // kReplacedMax: a late registration of one must not push the newer life out.
    std::deque<SessionId> replaced;
    std::map<LeaseId, Lease> leases;
    std::map<JobId, Job> jobs;  // open; ended ones until the batch is sealed

    std::set<std::pair<int64_t, TenantId>> runnable;      // tenants with queued jobs, by vtime
    std::set<std::tuple<Instant, JobId, Index>> backoff;  // retries that are not due
    std::set<JobId> dirty_jobs;                           // of this batch, for seal()
    std::set<std::pair<Instant, JobId>> unwritten;        // jobs by their unwritten_since
    Instant checkpoints_at;                               // the last round of those that were due
    std::set<std::pair<AssetId, int>> dirty_durations;
    Instant durations_written_at;
    // Where the busy tenants are: the least vtime of those whose work may run or, when nothing
    // waits, that of whoever was charged last. Never falls.
    int64_t vtime_floor = 0;
    int64_t next_turn = 1;
    uint64_t wake = 0;
    Instant last_tick;
    Instant loaded_at;     // when this leader began
    Instant heard_before;  // the last commit before that
    Tally tally;
    Ledger ledger;
    IdleSplit idle;
    std::map<ExecutorId, MissingSlots> missing;
    RateRing earned_ms;          // slot time at baseline cost
    int64_t earned_rest_us = 0;  // less than a millisecond, not yet in the ring
    Instant waits_seen;          // the last look at what waits
    int64_t slots_total = 0;     // of live sessions that are not draining
    bool forecasting = false;    // a copy that runs ahead: ranges may be larger
    int64_t range_target_us = kRangeTargetUs;

    Tenant& tenant_of(const Job& job) { return tenants.at(job.row.tenant); }
    Asset& asset_of(const Job& job) { return assets.at(job.row.asset); }
    const Asset& asset_of(const Job& job) const { return assets.at(job.row.asset); }
};

// What every rule that changes something is given.
struct Context {
    State& state;
    Instant now;
    int64_t seq = 0;
    ChangeSet& changes;
};

}  // namespace servo::core
