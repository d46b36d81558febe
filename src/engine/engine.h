// The shell around the scheduler, as step functions: queue, batch, commit, answer. It has no
// thread, clock or socket; its loop (engine/loop.h) or the simulator drives it. Not thread-safe.
//
// Rules: a batch holds everything that arrived during the previous commit;
// an answer goes out only after the commit that makes it true; on anything but a definite commit
// the scheduler is thrown away, the callers are told `unavailable`, the epoch is raised and the
// state loaded afresh, never undone in place.
//
// Of several servers on one store one leads; the others stand by (engine/leadership.h) and answer
// `not_leading`. A leader that another one deposed throws its scheduler away and stands by, too.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/scheduler.h"
#include "engine/leadership.h"
#include "model/change_kind.h"
#include "store/store.h"

namespace servo::engine {

constexpr size_t kQueueMax = 10'000;       // further items are answered queue_full()
constexpr size_t kBatchMax = 2'000;        // commands in one commit
constexpr size_t kParkedMax = 10'000;      // acquires waiting for work
constexpr Millis kRecoverEvery{1'000};     // attempts to lead again
constexpr Millis kTickPauseMax{60'000};    // after ticks that the store refused
constexpr Millis kStallAddedAfter{1'000};  // a leader stall beyond this lengthens all leases

// What a server that does not lead answers.
Error not_leading();
// More than kQueueMax commands wait.
Error queue_full();
// What to tell whoever asks while the store does not answer; `reason` is the store's.
Error store_away(const std::string& reason);

using Answer = std::function<void(Result<core::Reply>)>;

// Makes a repeated request safe: the same key and body get the first reply again.
struct Idempotency {
    model::TenantId tenant;
    std::string route;
    std::string key;
    std::string body_hash;
    // Renders the reply as the body to be stored and sent again.
    std::function<std::pair<int, std::string>(const core::Reply&)> render;
};

struct Item {
    core::Command command;
    Answer answer;                           // called exactly once, on the engine's thread
    std::optional<Idempotency> idempotency;  // checked by the caller before, stored with the batch
};

// A live read: runs between a commit and the next apply; must take less than a millisecond.
using Read = std::function<void(const core::Scheduler&, Instant now)>;

// kStarting: means to lead, and cannot yet. kReadOnly: shows what is committed, takes nothing.
enum class EngineState { kStarting, kLeading, kReadOnly, kBroken, kStandby };
std::string_view to_string(EngineState state);

struct EngineStatus {
    EngineState state = EngineState::kStarting;
    std::string why;          // nothing can be answered: a reason of docs/reference/errors.md
    store::LeaderRow leader;  // as last seen; this one when leading
    Instant leading_since = kNever;  // kNever: does not lead
    int64_t epoch = 0;
    int64_t seq = 0;
    size_t queued = 0;
    size_t parked = 0;
    int64_t commits = 0;
    int64_t commands = 0;
    int64_t reloads = 0;            // scheduler thrown away and loaded again
    model::ChangeCounts changes{};  // events that were committed, by model::ChangeKind
    std::string last_error;
};

class Engine {
 public:
    // `store` outlives the engine. `self` is what the leader's row says when it leads. `seed`
    // drives backoff jitter.
    Engine(store::Store& store, store::Candidate self, uint64_t seed);

    // Leads at once when nobody does, else stands by. `wall` is the wall clock now; later times
    // count from the larger of it and the last committed time.
    Status start(Instant wall);
    // Lead a database that is older than what was acknowledged (`db_went_back`): what it lost is
    // lost. Before start().
    void accept_older_database() { accept_older_ = true; }
    // Word that the leader of `epoch` is no more: a standby takes over without waiting.
    void heard_gone(int64_t epoch) { leadership_.heard_gone(epoch); }
    // Word that something became of the leader: the next step of a standby looks who leads.
    void look_at_leader() { leadership_.look_now(); }

    // Queues an item; answers resource_exhausted at once when the queue is full.
    void submit(Item item);
    void read(Read read);

    // One batch: reads, then apply + commit + answer for what is queued (up to kBatchMax). `now`
    // never decreases. Returns whether something was done.
    bool step(Instant now);

    // Stores what is known of the running minute, gives leadership up, and answers everything that
    // is queued or parked with `unavailable`; nothing may follow.
    void shut_down();

    // The latest time it was stepped or loaded at.
    Instant now() const { return now_; }

    // When step() must be called again even if nothing arrives.
    Instant next_due() const;
    // Whether reads can be served; without it they wait.
    bool readable() const { return scheduler_ != nullptr; }
    bool has_work() const {
        return scheduler_ && (!queue_.empty() || !reads_.empty() || takeover_event_);
    }

    // Told when a new scheduler was loaded (start and every reload), before it is used; may queue.
    void on_load(std::function<void(const core::Scheduler&)> hook) { on_load_ = std::move(hook); }

    // Told of each batch once it is committed, before anybody is answered; must be quick. The
    // scheduler is as it is after the batch.
    using Committed = std::function<void(const model::ChangeSet&, const core::Scheduler&)>;
    void on_committed(Committed hook) { on_committed_ = std::move(hook); }

    const EngineStatus& status() const { return status_; }
    // Only for tests and the simulator.
    const core::Scheduler* scheduler() const { return scheduler_.get(); }

 private:
    // Acquires that wait for work, by the end of their time; the number tells equal times apart.
    using ParkKey = std::pair<Instant, int64_t>;
    struct Taken {
        Item item;
        std::optional<ParkKey> parked;  // where it waited before
    };
    struct Applied {
        Item item;
        std::optional<ParkKey> parked;
        Result<core::Reply> reply;
    };
    std::vector<Taken> collect(Instant now);
    void expire_parked(Instant now);
    std::vector<Taken> woken();
    void apply(
        std::vector<Taken> batch,
        Instant now,
        std::vector<Applied>& applied,
        model::ChangeSet& changes
    );
    bool adopt_for_retry(const Item& item, Instant now, model::ChangeSet& changes);
    void add_idempotency(
        const Item& item, const core::Reply& reply, Instant now, model::ChangeSet& changes
    ) const;
    void settle(std::vector<Applied>& applied, const model::ChangeSet& changes, Instant now);
    void answer_all(std::vector<Applied>& applied, Instant now);
    void refuse_all(std::vector<Applied>& applied, const Error& error);
    void close_ledger();
    static bool is_tick(const Applied& one);
    void after_refusal(std::vector<Applied>& applied, const std::string& message, Instant now);
    void answer_without_lead(Instant now);
    Error why_not() const;

    // engine_leading.cc
    Status lead(int64_t after, Instant now);
    void recover(Instant now);
    void report_fate();
    void load_for_reads(Instant now);
    void stand_by(const std::string& why, Instant now);
    void show_leader(bool seen);
    void watch(Instant now);
    void pulse(Instant now);
    bool remembers(const model::Snapshot& snapshot);
    Status check_seen(const Item& item);
    void went_back(model::CommitMark known);
    void raise_epoch(Instant now);
    void hold(Error why);
    void hold_if_away(const Error& of_store);
    void let_go();

    store::Store& store_;
    Leadership leadership_;
    uint64_t seed_;
    std::unique_ptr<core::Scheduler> scheduler_;
    std::deque<Item> queue_;
    std::deque<Read> reads_;
    std::map<ParkKey, Item> parked_;
    int64_t park_count_ = 0;
    ParkKey last_woken_{kEpochStart, 0};  // the next ones to be tried come after it
    bool wake_more_ = false;              // of the last ones that were tried, some got work
    std::deque<Item> single_;             // after a refusal: one command per commit
    uint64_t seen_wake_ = 0;              // of the scheduler, when the parked ones were last tried
    int64_t seq_ = 0;                     // last committed
    std::optional<model::CommitMark> in_doubt_;  // an unknown commit
    model::CommitMark committed_;                // the last that this process knows of
    model::CommitMark confirmed_;  // of an earlier leader: seen by executors, and in the store
    model::CommitMark accepted_;   // what an operator gave up for lost
    bool accept_older_ = false;
    int64_t epoch_floor_ = 0;    // epochs up to here were used by a history that is lost
    int64_t loaded_seq_ = 0;     // what this leader found
    std::optional<Error> held_;  // as status_.why, for callers
    std::optional<model::EventRow> takeover_event_;  // for the first batch
    Instant now_ = kEpochStart;
    EngineStatus status_;
    Instant last_step_ = kEpochStart;
    Instant next_probe_ = kNever;
    Instant tick_not_before_ = kEpochStart;  // after one that the store refused
    Millis tick_pause_ = kRecoverEvery;      // longer with each one in a row
    std::function<void(const core::Scheduler&)> on_load_;
    Committed on_committed_;
};

}  // namespace servo::engine
