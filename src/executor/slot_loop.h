// The loop of a slot process (executor/slot_process.h). Single-threaded.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "executor/runner.h"
#include "executor/slot_wire.h"

namespace servo::executor {

class SlotLoop {
 public:
    // `signals` is a signalfd for SIGCHLD, `timer` a timerfd on CLOCK_BOOTTIME.
    SlotLoop(UniqueFd socket, UniqueFd signals, UniqueFd timer);
    ~SlotLoop();
    int run();

 private:
    // The lease at hand; positions are run in order.
    struct Lease {
        model::LeaseId id;
        std::deque<std::shared_ptr<const Part>> parts;  // whose positions are not all started
        uint64_t size = 0;
        uint64_t started = 0;
        bool stopped = false;      // by a failure, until Resume
        int kills_unanswered = 0;  // Trimmed is sent when nothing runs any more
        bool stop_time_told = false;
    };

    bool handle_socket();
    bool handle(wire::ToSlot message);
    void on_hello(const wire::Hello& hello);
    void on_feed(wire::Feed feed);
    void on_kill(model::LeaseId id);
    void kill_running(KillReason reason);
    void set_stop_time(Millis boot);
    void check_stop_time();
    bool may_start() const;
    const std::shared_ptr<const Part>& next_part();
    void start_next();
    void run_ready();
    Runner* runner_for(const Part& part);
    void collect();
    void answer_kills();
    void send_trimmed();
    bool flush_due() const;
    bool flush();
    Micros wait_until() const;
    bool wait();
    int shut_down();

    UniqueFd socket_;
    UniqueFd signals_;
    UniqueFd timer_;
    FrameReader reader_;
    FrameWriter writer_;

    wire::Hello hello_;
    std::optional<AttemptDir> dir_;
    OomWatch oom_;
    std::optional<SlotCgroup> group_;
    std::shared_ptr<const Program> program_;
    std::unique_ptr<Runner> runner_;
    Lease lease_;

    Micros now_{0};
    Micros stop_at_{0};
    Micros polled_at_{0};
    Micros idle_since_{0};   // the last end of a unit
    SlotProgress progress_;  // not yet sent
    std::optional<Micros> progress_since_;
    size_t progress_log_bytes_ = 0;
    bool urgent_ = false;
    bool broken_ = false;  // the agent sent nonsense or is gone
};

}  // namespace servo::executor
