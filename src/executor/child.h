// One process of a slot with everything that descends from it: started, watched, killed, cleared
// away. The slot process is a subreaper and has no other children, so "gone" means that no process
// of the attempt is left. Single-threaded; the owner calls it on SIGCHLD, on output and on time.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "executor/exit_class.h"
#include "executor/log_tail.h"
#include "executor/slot_cgroup.h"
#include "executor/spawn.h"

namespace servo::executor {

struct ChildLimits {
    Micros deadline = Micros::max();  // on CLOCK_BOOTTIME
    int64_t memory_bytes = 0;         // resident, of all its processes together; 0 = no limit
    Millis kill_grace{0};             // between TERM and KILL at the deadline
};

enum class ChildKind { kOnce, kWorker };

class Child {
 public:
    Child(OomWatch& oom, SlotCgroup& group);

    // Precondition: !present(). nullopt when it runs.
    std::optional<SpawnFailure> start(
        const ProcessSpec& spec, ChildKind kind, const ChildLimits& limits, size_t secret_bytes_max
    );
    // Some process of it may be left.
    bool present() const { return state_ != State::kNone; }
    bool being_killed() const {
        return state_ == State::kTerminating || state_ == State::kClearing;
    }

    int output_fd() const { return output_.read.get(); }  // -1 when not present
    int answer_fd() const { return answer_.read.get(); }  // -1 when no worker
    int input_fd() const { return input_.write.get(); }
    void close_input() { input_.write.reset(); }
    void close_answer() { answer_.read.reset(); }
    // Processor time of the process itself so far, without those that it started; -1 when it ended.
    int64_t cpu_so_far_us() const;

    void on_output();
    void on_child_signal(Micros now);
    void on_time(Micros now);
    Micros next_due() const;
    void set_deadline(Micros deadline) { limits_.deadline = deadline; }
    // TERM, then KILL after the grace for a timeout; KILL at once for all else. The first reason
    // counts.
    void kill(KillReason reason, Micros now);

    // After it is gone.
    const ProcessEnd& end() const { return end_; }
    int64_t cpu_us() const { return cpu_us_; }

    LogTailBuffer& log() { return log_; }
    const LogTailBuffer& log() const { return log_; }

 private:
    enum class State { kNone, kRunning, kTerminating, kClearing };

    void reap(Micros now);
    void clear_round(Micros now);
    void check_memory(Micros now);
    int64_t own_peak_kb(int64_t told_kb);
    void gone();

    OomWatch& oom_;
    SlotCgroup& group_;
    bool in_group_ = false;  // the kernel holds it to its memory
    UniqueFd dev_null_;
    State state_ = State::kNone;
    pid_t pid_ = 0;
    bool ended_ = false;  // the process itself; others of it may be left
    ChildLimits limits_;
    Pipe output_;
    Pipe answer_;
    Pipe input_;
    LogTailBuffer log_;
    ProcessEnd end_;
    int64_t cpu_us_ = 0;
    int64_t inherited_peak_kb_ = 0;  // of memory, that this process has passed on at most
    Micros kill_at_{0};              // kTerminating
    Micros next_round_{0};           // kClearing
    Micros round_wait_{0};
    Micros memory_check_{0};
};

}  // namespace servo::executor
