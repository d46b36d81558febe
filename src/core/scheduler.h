// The scheduler: a value with one verb. It holds what is active in memory, decides, and says what
// is to be persisted. No clock, thread, I/O or randomness of its own: equal commands at equal times
// give equal replies and changes on every machine. Copy it to look into the future.
//
// Not thread-safe. After a failed commit throw it away and load a new one; there is no undo.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "core/commands.h"
#include "core/tally.h"
#include "core/views.h"
#include "model/changes.h"

namespace servo::core {

struct State;  // core/state.h

class Scheduler {
 public:
    // `snapshot.epoch` is the epoch of the new leader; `now` must not lie before snapshot.last_now.
    // Leases get a full time to live from `now`. `seed` drives backoff jitter only.
    Scheduler(const Snapshot& snapshot, Instant now, uint64_t seed);
    Scheduler(const Scheduler& other);
    Scheduler(Scheduler&&) noexcept;
    Scheduler& operator=(Scheduler&&) noexcept;
    ~Scheduler();

    // Applies one command at `now` (never decreasing) and adds what must be persisted to `changes`.
    // `seq` is the batch number under which `changes` will be committed.
    Result<Reply> apply(const Command& command, Instant now, int64_t seq, ChangeSet& changes);

    // Ends a batch: adds the checkpoints that are due, after every command of the batch was
    // applied. Called once per batch that will be committed, and before it.
    void seal(Instant now, int64_t seq, ChangeSet& changes);

    // When time alone makes something happen; at most one second after the last apply while any
    // job is open. kNever when nothing is due.
    Instant next_due() const;

    // Counts up whenever a parked `acquire` might now get something.
    uint64_t wake_count() const;

    // --- live reads, between batches ---
    std::optional<JobView> job(JobId id, Instant now) const;
    std::vector<JobId> open_jobs() const;  // ascending by id
    std::vector<ExecutorView> executors(Instant now) const;
    std::vector<PoolView> pools(Instant now) const;
    std::vector<TenantView> tenants(Instant now) const;
    std::vector<AssetHead> assets() const;
    std::optional<AssetHead> asset(AssetId id) const;
    std::optional<AssetHead> find_asset(std::string_view tenant, std::string_view name) const;
    std::shared_ptr<const AssetRevision> revision(AssetId asset, int revision) const;  // if loaded
    std::optional<TenantRow> find_tenant(std::string_view name) const;
    std::optional<TenantRow> tenant(TenantId id) const;
    // Where index `index` of an open job stands, by the same gates as the pick.
    std::optional<PartitionView> partition(JobId job, Index index, Instant now) const;
    // Of an open job.
    std::optional<Unwritten> unwritten(JobId job) const;
    // The open job that has the ordinal still to do, or else one that did it since its last
    // checkpoint, and its index there.
    std::optional<std::pair<JobId, Index>> owner(AssetId asset, Ordinal ordinal) const;

    // Of open jobs with an id above `after`, ascending, at most `limit`.
    std::vector<JobMeter> meters(JobId after, int limit, Instant now) const;
    const Tally& tally() const;
    // Rising, by word, every word of the ledger; ms or counts.
    std::map<std::string, int64_t, std::less<>> ledger_counters() const;
    // Work done per second over the last minute at baseline cost, × 1000.
    int64_t earned_slots_milli(Instant now) const;
    // What (now - from, now - to] was spent on, in whole cells of ten seconds; the largest first.
    LedgerView ledger(LedgerScope scope, Millis from, Millis to, Instant now) const;

    int64_t epoch() const;

    // --- for tests, simulation and fsck ---
    // The first broken invariant as a sentence, or an empty string. Recounts everything.
    std::string check_invariants() const;
    // Canonical text of the durable part of the state: equal to that of a scheduler freshly loaded
    // from the store at any quiescent point.
    std::string durable_digest() const;

    const State& state() const { return *state_; }
    State& state_for_forecast() { return *state_; }

 private:
    std::unique_ptr<State> state_;
};

}  // namespace servo::core
