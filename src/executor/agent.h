// The executor: one thread that joins the keeper, the slot processes and the transport to the
// server. Public functions may be called from any thread.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "executor/attempt_spans.h"
#include "executor/endpoint_check.h"
#include "executor/keeper.h"
#include "executor/log_feed.h"
#include "executor/machine.h"
#include "executor/slot_cgroup.h"
#include "executor/slot_host.h"
#include "executor/slot_watch.h"
#include "executor/state_dir.h"
#include "executor/transport.h"
#include "model/records.h"

namespace servo::executor {

struct AgentOptions {
    std::string name;  // [a-zA-Z0-9._-]{1,128}
    int slots = 1;     // 1..model::kSlotsPerExecutorMax
    // As many as there are usable processors instead, also when their number changes.
    bool slots_follow_cpus = false;
    std::map<std::string, std::string> labels;
    std::string build;
    std::string host;
    std::string state_dir;  // made when it does not exist; must be of this executor alone
    std::string code_dir;   // overrides the folders of asset files; may be empty
    bool allow_shell = true;
    Millis kill_grace{5'000};           // between TERM and KILL of a partition out of time
    Millis drain_timeout{30'000};       // then what still runs is killed
    Millis earlier_slots_wait{10'000};  // for the slot processes of an earlier life to end
    Millis stuck_beyond{10'000};        // beyond timeout and kill_grace, then a slot is stuck
    Millis stuck_kept{30'000};          // after its timeout or a kill; then its process is killed
    Millis stuck_floor{300'000};        // "no progress" is never said of less
    Millis stuck_say_every{30'000};     // in the log
    Millis health_every = api::kHealthInterval;
    // Takes the spans of leases and attempts; called on the loop's thread. Empty: none are made.
    trace::Sink spans;
    Millis cpus_every{5'000};  // looked at, where slots follow them
    MachinePaths machine;      // whose `disk` is the state directory
    // Starts a slot process that calls slot_main(kSlotFd). Default: this program with `slot`.
    std::vector<std::string> slot_command = {"/proc/self/exe", "slot"};
};

// As of the loop's last look, at most a tenth of a second old while the loop turns.
struct AgentStatus {
    bool registered = false;
    bool draining = false;
    bool ended = false;  // drained, stopped or given up
    model::ExecutorId executor_id;
    int64_t epoch = 0;
    int slots = 0;
    int slots_ready = 0;
    int slots_busy = 0;
    size_t results_queued = 0;
    model::SlotMillis slot_ms{};
    bool server_reached = false;  // the last call was answered
    Micros answered_at{0};        // on CLOCK_BOOTTIME; when it started, if none was
    int slots_stuck = 0;
    uint64_t attempts_completed = 0;
    std::array<uint64_t, model::kFailureClassCount> attempts_failed{};  // by class
};

inline BootTime in_ms(Micros time) {
    return std::chrono::duration_cast<Millis>(time);
}

class Agent {
 public:
    // Takes the state directory and starts the loop. Errors: invalid_argument (name, slots),
    // failed_precondition / "state_dir_in_use", internal / "os_error".
    static Result<std::unique_ptr<Agent>> start(
        AgentOptions options, std::shared_ptr<Transport> transport
    );
    // Kills what runs and waits until it is gone.
    ~Agent();
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;

    // Start nothing more; finish or give back what is held; then the agent ends. Idempotent.
    void drain();
    // Ends at once, killing what runs. Idempotent, does not wait.
    void stop();
    // Blocks until the agent ended. Error: why the server would not have this executor.
    Status wait();
    // The same for at most `most`; nullopt when it has not ended by then.
    std::optional<Status> wait_for(Millis most);

    AgentStatus status() const;
    // How long ago the loop last turned; over some seconds it hangs.
    Millis since_last_turn() const;

 private:
    // What other threads ask of the loop. Outlives the agent in the transport's callbacks.
    class Inbox {
     public:
        using Task = std::function<void(Agent&)>;
        static Result<std::shared_ptr<Inbox>> make();
        // False after close(): the task will not run.
        bool post(Task task);
        std::vector<Task> take();
        std::vector<Task> close();
        int fd() const { return wake_.get(); }

     private:
        UniqueFd wake_;
        std::mutex mutex_;
        std::vector<Task> tasks_;  // guarded by mutex_
        bool closed_ = false;      // guarded by mutex_
    };
    // A slot process and what the agent knows of its work, for the log.
    struct Slot {
        SlotHost host;
        bool ready = false;
        bool ending = false;   // closed; to be reaped
        bool retired = false;  // not used any more, unless there are more slots again
        Micros ending_since{0};
        Micros start_at{0};  // when down
        int failures = 0;    // in a row
        model::LeaseId lease;
        model::JobId job;
        Durations::Revision revision;
        int unit_size = 1;  // partitions that one process runs
        Millis unit_timeout{0};
        uint64_t started = 0;
        uint64_t finished = 0;
        Micros moved_at{0};               // last sign of progress
        std::optional<Micros> killed_at;  // KillSlot not yet answered
        std::optional<Micros> stopped_at;
        std::optional<Stuck> stuck;
        Micros stuck_at{0};     // when it was seen to be
        bool given_up = false;  // so long that it was killed
        Instant stuck_since;
        std::optional<Micros> stuck_said_at;
    };

    Agent(
        AgentOptions options,
        std::shared_ptr<Transport> transport,
        StateDir state,
        std::shared_ptr<Inbox> inbox
    );

    void run();
    bool turn();
    void start_keeper();
    void wait_for_events();
    Micros wake_at() const;
    void perform_actions();
    void perform(Action& action);
    void send_register(const SendRegister& action);
    void send_call(const SendCall& action);
    void feed_logs();
    void note_answer(const Error* error);

    // agent_slots.cc
    void start_slot(int index);
    void feed_slot(const FeedSlot& action);
    void tell_stop_time(BootTime at);
    void handle_message(int index, wire::FromSlot message);
    void note_progress(Slot& slot, const SlotProgress& progress);
    void lose_slot(int index);
    void tend_slots();
    void tend_ending_slot(int index);
    void follow_cpus();
    void retire_slot(int index);
    bool clear_orphans();
    void end_slots();

    // agent_health.cc
    void note_error(const std::string& text);
    void watch_slot(int index);
    void say_stuck(int index, const SlotSigns& signs);
    int stuck_slots() const;
    api::ExecutorHealth health();
    void tell_health();
    void on_health_reply(Result<api::HealthReply> reply);

    void publish();
    void finish(Status outcome);

    AgentOptions options_;
    std::shared_ptr<Transport> transport_;
    StateDir state_;
    std::shared_ptr<Inbox> inbox_;

    // The loop's own.
    std::optional<Keeper> keeper_;
    std::optional<CgroupTree> cgroups_;
    std::string no_cgroups_;  // why there are none
    std::vector<Slot> slots_;
    Micros cpus_at_{0};  // the next look
    std::vector<wire::FromSlot> messages_;
    std::optional<BootTime> stop_time_;
    std::optional<Status> outcome_;
    Micros now_{0};
    Micros tended_at_{0};
    Micros published_at_{0};
    bool drain_asked_ = false;
    bool server_reached_ = false;
    bool server_lost_said_ = false;
    Micros answered_at_{0};
    uint64_t attempts_completed_ = 0;
    std::array<uint64_t, model::kFailureClassCount> attempts_failed_{};
    LogFeed log_feed_;
    std::optional<AttemptSpans> spans_;

    model::SessionId session_;
    Durations durations_;
    Machine machine_;
    Instant started_at_;
    std::deque<api::ExecutorError> errors_;  // the newest kHealthErrorsMax
    Millis slowest_turn_{0};                 // since health was told
    bool health_news_ = false;
    bool health_under_way_ = false;
    std::vector<api::CheckAnswer> check_answers_;  // that the server has not confirmed
    size_t check_answers_told_ = 0;                // the first of them, sent at least once
    Micros health_told_at_{0};                     // the last look; 0 = never
    Micros health_at_{0};

    // Shared with other threads.
    std::atomic<bool> stop_{false};
    std::atomic<int64_t> turned_at_us_{0};
    mutable std::mutex mutex_;
    std::condition_variable ended_;
    AgentStatus status_;              // guarded by mutex_
    std::optional<Status> ended_as_;  // guarded by mutex_

    EndpointChecker checker_;
    std::thread thread_;
};

}  // namespace servo::executor
