// The keeper: what an executor knows of its session, slots and leases, as a step function. Inputs
// are replies, slot events and the time; outputs are actions. No thread, clock, socket or process,
// so the simulator runs it against fake slots.
//
// A slot runs the positions of one lease strictly in order, ahead of the keeper: it stops by itself
// after a failure that stops the lease (executor/stop_rule.h), and a revocation is settled by the
// slot's answer. So no slot ever waits for the executor, and no boundary is a guess.
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "model/protocol.h"

namespace servo::executor {

// Milliseconds of CLOCK_BOOTTIME, or of any clock that never goes back.
using BootTime = Millis;

constexpr Millis kReportTimeout{3'000};
constexpr Millis kAcquireTimeout = model::kAcquireParkMax + Millis(5'000);
constexpr Millis kRegisterTimeout{5'000};
constexpr Millis kGoodbyeWait{1'000};        // for the answer to the last report
constexpr Millis kTopUpBelow{500};           // unstarted work of a lease
constexpr size_t kResultsQueuedMax = 5'000;  // a report is sent when this many wait
// What one report may carry: with all of it the body is below the server's limit of 16 MiB.
constexpr size_t kReportResultsMax = 20'000;
constexpr size_t kReportFailureBytesMax = 4 << 20;
constexpr size_t kReportLogBytesMax = 4 << 20;  // of successes
constexpr size_t kLogBytesQueuedMax = 8 << 20;  // of successes, waiting for reports
constexpr int kRefusalsMax = 5;                 // refused calls in a row before giving up

struct KeeperOptions {
    std::string executor;
    model::SessionId session;
    int slots = 1;
    std::map<std::string, std::string> labels;
    std::string build;
    std::string host;
    int64_t pid = 0;
    bool previous_gone = false;
    uint64_t seed = 1;             // of the jitter
    Millis drain_timeout{30'000};  // then what still runs is killed
};

// --- what a slot says ------------------------------------------------------------------------

// Positions [0, started) were started; `results` are the next ones after those already given.
struct SlotProgress {
    model::LeaseId lease;
    uint64_t started = 0;
    model::LeaseResults results;
};
// The answer to each TrimSlot and KillSlot: nothing at or after `size` was or will be started. To a
// KillSlot `size` is what was started, and all results were given before. The slot may also say it
// unasked, when it passed its stop time.
struct SlotTrimmed {
    model::LeaseId lease;
    uint64_t size = 0;
};
// The slot is gone, with everything that it ran. `at` is the wall clock.
struct SlotLost {
    Instant at;
    bool stuck = false;  // it did not react and was killed
};
struct SlotReady {};
using SlotEvent = std::variant<SlotProgress, SlotTrimmed, SlotLost, SlotReady>;

// --- what is to be done ----------------------------------------------------------------------

struct SendRegister {
    std::shared_ptr<const model::RegisterRequest> request;
    Millis timeout{0};
};
struct SendCall {
    std::shared_ptr<const model::CallRequest> request;
    Millis timeout{0};
};
// More work for the slot; the first of a lease makes it the slot's lease.
struct FeedSlot {
    int slot = 0;
    uint64_t first_position = 0;
    model::Grant grant;
    std::shared_ptr<const model::Definition> definition;
};
struct TrimSlot {
    int slot = 0;
    model::LeaseId lease;
    uint64_t size = 0;
};
// Go on after a failure that stopped the lease.
struct ResumeSlot {
    int slot = 0;
    model::LeaseId lease;
};
// Kill what runs of the lease (class lost) and start nothing more of it.
struct KillSlot {
    int slot = 0;
    model::LeaseId lease;
};
// The last slot is not used any more.
struct EndSlot {
    int slot = 0;
};
// All slots stop their work by themselves at this time, unless it is moved before.
struct SetStopTime {
    BootTime at{0};
};
// The server will not have this executor; everything was killed.
struct GiveUp {
    Error error;
};
// Local drain is over: nothing runs, nothing is unreported, and the server knows that this executor
// is no more (or did not answer in time).
struct Drained {};

using Action = std::variant<
    SendRegister,
    SendCall,
    FeedSlot,
    TrimSlot,
    ResumeSlot,
    KillSlot,
    EndSlot,
    SetStopTime,
    GiveUp,
    Drained>;

// --- the keeper ------------------------------------------------------------------------------

class Keeper {
 public:
    Keeper(KeeperOptions options, BootTime now);

    // Inputs. `now` never decreases. The actions that follow are collected by take_actions().
    void on_register_reply(Result<model::RegisterReply> reply, BootTime now);
    // Replies to a call that is not under way any more (late, duplicated) are ignored.
    void on_call_reply(
        model::CallKind kind, int64_t call, Result<model::CallReply> reply, BootTime now
    );
    void on_slot_event(int slot, SlotEvent event, BootTime now);
    void on_time(BootTime now);
    // From here on it has so many slots. Those that go are the last ones; each finishes its lease,
    // then comes its EndSlot. No events of it may follow.
    void set_slots(int slots, BootTime now);
    // Start nothing more, finish or give back what is held; ends with Drained.
    void drain(BootTime now);

    std::vector<Action> take_actions();
    // When on_time must be called next, if nothing else happens before.
    BootTime next_due() const;

    // --- state, for status pages and tests ---
    bool registered() const { return registered_; }
    bool draining() const { return drain_local_ || drain_server_; }
    bool gave_up() const { return gave_up_; }
    // It has told the server, or is telling it, that its session ends.
    bool leaving() const { return leaving_; }
    model::ExecutorId executor_id() const { return executor_id_; }
    model::SessionId session() const { return options_.session; }
    int64_t epoch() const { return epoch_; }
    int64_t ack() const { return ack_; }
    int slots() const { return slots_wanted_; }
    int slots_busy() const;
    size_t results_queued() const { return results_queued_; }
    size_t log_bytes_queued() const { return log_bytes_queued_; }  // of successes, at most
    std::vector<model::HeldLease> held() const;
    // Cumulative; sums to slots × (now - session start).
    model::SlotMillis slot_millis() const { return slot_ms_; }

 private:
    struct Part {
        uint64_t first_position = 0;
        model::Grant grant;
        std::shared_ptr<const model::Definition> definition;
    };
    struct Lease {
        int slot = -1;           // -1: waits for a slot, or has left it after the end
        std::deque<Part> parts;  // those whose positions are not all finished
        uint64_t size = 0;
        uint64_t started = 0;
        uint64_t finished = 0;               // positions [0, finished) have results
        uint64_t answered = 0;               // positions [0, answered) were reported and answered
        int64_t size_answered = -1;          // the size that the last answered report listed
        model::LeaseResults queued;          // not yet in a report
        int answers_due = 0;                 // TrimSlot and KillSlot that the slot has not answered
        std::optional<uint64_t> trim_asked;  // lowest size that an unanswered TrimSlot asks for
        bool killed = false;
        bool dropped = false;  // unknown to the server: nothing of it is reported
        bool sequential = false;
        std::optional<uint64_t> stopped_at;  // position of the failure that stopped it
        int64_t mean_us = -1;                // moving average of a partition's duration
        bool top_up_asked = false;
        bool complete() const { return finished == size && answers_due == 0; }
    };
    struct SlotRecord {
        bool ready = false;
        model::LeaseId lease;  // 0 = none
    };
    // Attempts of one call in vain, in a row.
    struct Tries {
        int failures = 0;
        int handing_over = 0;  // of these, at the first wait because nobody led; bounded
    };
    struct InFlight {
        std::shared_ptr<const model::CallRequest> request;  // null: none under way
        BootTime first_sent{0};
        std::optional<BootTime> retry_at;  // waiting to be sent again
        Tries tries;
    };
    using Leases = std::map<model::LeaseId, Lease>;

    // keeper.cc: time and accounts
    void account(BootTime now);
    model::SlotState state_of(const SlotRecord& slot) const;
    void pump(BootTime now);
    void check_stop_time(BootTime now);
    void settle_slots(BootTime now);
    void check_drained(BootTime now);
    void give_up(Error error);
    Millis backoff(int failures, Millis most, int retry_after_s);

    // keeper_calls.cc: the conversation with the server
    void send_register(BootTime now);
    void send_call(model::CallKind kind, BootTime now);
    void send_again(InFlight& flight, BootTime now);
    // Counts the attempt; null: answered by a leader that is no more.
    Millis wait_after(Tries& tries, const Error* error, Millis most);
    void register_again(BootTime now);
    bool report_due(BootTime now) const;
    bool acquire_due(BootTime now) const;
    int free_slots(model::CallKind kind) const;
    std::vector<model::LeaseResults> take_results();
    void return_results(const model::CallRequest& request);
    void on_call_error(InFlight& flight, const Error& error, BootTime now);
    void on_answered(
        const model::CallRequest& request, const model::CallReply& reply, BootTime now
    );
    void settle_results(const model::CallRequest& request);
    void answered_at(BootTime sent);
    InFlight& flight_of(model::CallKind kind) {
        return kind == model::CallKind::kReport ? report_ : acquire_;
    }

    // keeper_leases.cc: leases and slots
    void take_grants(const std::vector<model::Grant>& grants);
    bool take_grant(const model::Grant& grant);
    uint64_t next_position(model::LeaseId id) const;
    Lease& lease_for(const model::Grant& grant);
    void apply_control(const model::LeaseControl& control);
    void trim(model::LeaseId id, Lease& lease, uint64_t size);
    void kill(model::LeaseId id, Lease& lease);
    void kill_all();
    void trim_all_to_started();
    void resume_stopped(model::LeaseId id, Lease& lease);
    void assign_waiting();
    void feed(model::LeaseId id, Lease& lease, const Part& part);
    static void settle_parts(Lease& lease);
    void close_if_done(Leases::iterator lease);
    void erase(Leases::iterator lease);
    void on_progress(int slot, SlotProgress event);
    void bound_logs();
    void on_trimmed(int slot, const SlotTrimmed& event);
    void on_lost(int slot, const SlotLost& event);
    void ask_top_up_if_low(Lease& lease);

    KeeperOptions options_;
    Prng prng_;
    std::vector<Action> actions_;

    bool registered_ = false;
    bool ever_registered_ = false;
    bool register_in_flight_ = false;
    int64_t register_number_ = 0;
    BootTime register_sent_{0};
    BootTime register_at_{0};
    Tries register_tries_;
    int refusals_ = 0;
    bool gave_up_ = false;

    model::ExecutorId executor_id_;
    int64_t epoch_ = 0;
    model::CommitMark seen_;  // highest of all replies
    int64_t ack_ = 0;
    int64_t report_number_ = 0;
    int64_t acquire_number_ = 0;
    Millis heartbeat_ = model::kHeartbeatInterval;
    Millis stop_after_ = model::kExecutorStopAfter;

    InFlight report_;
    InFlight acquire_;
    bool report_wanted_ = false;
    BootTime report_sent_{0};
    BootTime acquire_at_{0};     // not before
    int acquires_empty_ = 0;     // in a row, answered at once
    BootTime answered_sent_{0};  // when the latest answered request was sent
    BootTime stop_time_told_{0};
    bool stopped_by_time_ = false;

    bool drain_local_ = false;
    bool drain_server_ = false;
    bool drain_killed_ = false;
    bool drained_told_ = false;
    BootTime drain_deadline_{0};
    bool leaving_ = false;  // the report under way is the last
    BootTime leave_deadline_{0};

    std::vector<SlotRecord> slots_;
    int slots_wanted_ = 1;   // fewer than slots_ while some finish their last lease
    size_t slots_told_ = 0;  // in the latest registration
    Leases leases_;
    std::deque<model::LeaseId> waiting_;  // for a slot, in the order of their grants
    std::deque<std::pair<model::LeaseId, uint64_t>> closed_;  // recent, with their sizes
    std::map<std::pair<model::AssetId, int>, std::shared_ptr<const model::Definition>> definitions_;
    size_t results_queued_ = 0;
    size_t log_bytes_queued_ = 0;  // of successes; an upper bound, counted anew by bound_logs()

    BootTime accounted_{0};
    model::SlotMillis slot_ms_{};
};

}  // namespace servo::executor
