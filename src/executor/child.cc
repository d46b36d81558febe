#include "executor/child.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <string_view>

#include "executor/process_tree.h"

namespace servo::executor {
namespace {

constexpr size_t kReadChunk = 64 * 1024;
constexpr int kReadsPerTurn = 16;  // then the slot looks at its other descriptors
constexpr Micros kRoundFirst{5'000};
constexpr Micros kRoundMost{500'000};
constexpr Micros kMemoryCheckLeast{20'000};
constexpr Micros kMemoryCheckMost{250'000};
// Fastest growth that the memory check reckons with: what is left of the limit divided by it is the
// time until the next look.
constexpr int64_t kGrowthBytesPerUs = 2'048;
constexpr int64_t kCheckShare = 50;      // a look at /proc may cost a fiftieth of the time
constexpr int64_t kPeakSlackKb = 1'024;  // the kernel sums pages up by processor, and late

int64_t micros(const timeval& time) {
    return time.tv_sec * 1'000'000LL + time.tv_usec;
}

// The peak of this process' memory since its own exec; INT64_MAX when it cannot be read.
int64_t peak_of_this_process_kb() {
    constexpr std::string_view kField = "VmHWM:";
    const UniqueFd fd(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    char text[4096];
    const ssize_t size = fd ? ::read(fd.get(), text, sizeof text) : -1;
    const std::string_view status(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    const size_t field = status.find(kField);
    if (field == std::string_view::npos) {
        return INT64_MAX - kPeakSlackKb;
    }
    const size_t digits = status.find_first_not_of(" \t", field + kField.size());
    int64_t kb = 0;
    std::from_chars(
        status.data() + std::min(digits, status.size()), status.data() + status.size(), kb
    );
    return kb;
}

}  // namespace

Child::Child(OomWatch& oom, SlotCgroup& group)
    : oom_(oom), group_(group), dev_null_(::open("/dev/null", O_RDWR | O_CLOEXEC)) {}

std::optional<SpawnFailure> Child::start(
    const ProcessSpec& spec, ChildKind kind, const ChildLimits& limits, size_t secret_bytes_max
) {
    log_.reset(secret_bytes_max);
    auto output = make_pipe();
    auto answer = kind == ChildKind::kWorker ? make_pipe() : Pipe{};
    auto input = kind == ChildKind::kWorker ? make_pipe() : Pipe{};
    if (!output || !answer || !input) {
        return SpawnFailure{SpawnStage::kDescriptors, EMFILE};
    }
    if (kind == ChildKind::kWorker) {
        // The slot writes to this one and must not wait; the worker may.
        const int flags = ::fcntl(input->read.get(), F_GETFL);
        ::fcntl(input->read.get(), F_SETFL, flags & ~O_NONBLOCK);
        if (!set_nonblocking(input->write.get())) {
            return SpawnFailure{SpawnStage::kDescriptors, errno};
        }
    }
    SpawnFailure failure;
    const bool limited = limits.memory_bytes > 0;
    SpawnDescriptors descriptors{input->read.get(), output->write.get(), answer->write.get()};
    descriptors.group =
        limited && group_.limit_memory(limits.memory_bytes) ? group_.procs_fd() : -1;
    const Spawned spawned = spawn(spec, descriptors, dev_null_.get(), failure);
    if (spawned.pid == 0) {
        return failure;
    }
    pid_ = spawned.pid;
    in_group_ = spawned.in_group;
    state_ = State::kRunning;
    ended_ = false;
    end_ = {};
    cpu_us_ = 0;
    limits_ = limits;
    const bool watched = limited && !in_group_;
    memory_check_ = watched ? boot_now() + kMemoryCheckLeast : Micros::max();
    // The write end of the output stays open here, so that its end never makes the slot wake up:
    // the process' own end does.
    output_ = *std::move(output);
    answer_.read = std::move(answer->read);
    input_.write = std::move(input->write);
    return std::nullopt;
}

int64_t Child::cpu_so_far_us() const {
    clockid_t clock{};
    timespec time{};
    const bool known = state_ != State::kNone && !ended_ &&
                       ::clock_getcpuclockid(pid_, &clock) == 0 &&
                       ::clock_gettime(clock, &time) == 0;
    return known ? time.tv_sec * 1'000'000LL + time.tv_nsec / 1'000 : -1;
}

void Child::on_output() {
    char chunk[kReadChunk];
    for (int i = 0; i < kReadsPerTurn && output_.read; ++i) {
        const ssize_t got = ::read(output_.read.get(), chunk, sizeof chunk);
        if (got <= 0) {
            return;
        }
        log_.append(std::string_view(chunk, static_cast<size_t>(got)));
    }
}

void Child::on_child_signal(Micros now) {
    if (state_ != State::kNone) {
        reap(now);
    }
}

void Child::reap(Micros now) {
    for (;;) {
        int status = 0;
        rusage usage{};
        const pid_t pid = ::wait4(-1, &status, WNOHANG, &usage);
        if (pid < 0 && errno == EINTR) {
            continue;
        }
        if (pid < 0) {
            gone();  // ECHILD: no process of it is left
            return;
        }
        if (pid == 0) {
            break;
        }
        cpu_us_ += micros(usage.ru_utime) + micros(usage.ru_stime);
        end_.max_rss_kb = std::max(end_.max_rss_kb, own_peak_kb(usage.ru_maxrss));
        if (pid == pid_) {
            ended_ = true;
            end_.signalled = WIFSIGNALED(status);
            end_.code = end_.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
        }
    }
    if (ended_ && state_ != State::kClearing) {
        state_ = State::kClearing;  // what it left behind ends with it
        round_wait_ = kRoundFirst;
        clear_round(now);
    }
}

// The kernel hands the peak of whoever starts a program on to the program. So what does not lie
// above the slot's own is not known.
int64_t Child::own_peak_kb(int64_t told_kb) {
    if (told_kb > inherited_peak_kb_) {
        inherited_peak_kb_ = peak_of_this_process_kb() + kPeakSlackKb;
    }
    return told_kb > inherited_peak_kb_ ? told_kb : -1;
}

void Child::gone() {
    constexpr int kShellKilled = 128 + SIGKILL;
    const bool killed = end_.code == (end_.signalled ? SIGKILL : kShellKilled);
    if (killed && end_.killed == KillReason::kNone) {
        const bool full = in_group_ && group_.ran_out();
        end_.oom_killed = oom_.struck() || full;
    }
    on_output();
    output_ = {};
    answer_ = {};
    input_ = {};
    state_ = State::kNone;
    pid_ = 0;
}

void Child::kill(KillReason reason, Micros now) {
    if (state_ == State::kNone) {
        return;
    }
    if (end_.killed == KillReason::kNone && !ended_) {
        end_.killed = reason;
    }
    if (reason == KillReason::kTimeout && state_ == State::kRunning) {
        state_ = State::kTerminating;
        kill_at_ = now + limits_.kill_grace;
        for (const ProcessInfo& process : descendants(::getpid())) {
            signal_process(process, SIGTERM);
            signal_process(process, SIGCONT);
        }
        return;
    }
    if (state_ == State::kTerminating && reason == KillReason::kTimeout) {
        return;
    }
    if (state_ != State::kClearing) {
        state_ = State::kClearing;
        round_wait_ = kRoundFirst;
        clear_round(now);
    }
}

// Kills whatever descends from the slot process; new generations of a process that forks meanwhile
// fall in the next rounds, which go on until nothing is left. The group is killed first, all at
// once; a process may have left it.
void Child::clear_round(Micros now) {
    if (in_group_) {
        group_.kill();
    }
    for (const ProcessInfo& process : descendants(::getpid())) {
        if (!process.zombie) {
            signal_process(process, SIGKILL);
        }
    }
    next_round_ = now + round_wait_;
    round_wait_ = std::min(round_wait_ * 2, kRoundMost);
}

void Child::check_memory(Micros now) {
    int64_t resident = 0;
    for (const ProcessInfo& process : descendants(::getpid())) {
        resident += process.rss_bytes;
    }
    end_.max_rss_kb = std::max(end_.max_rss_kb, resident / 1024);
    if (resident > limits_.memory_bytes) {
        memory_check_ = Micros::max();
        kill(KillReason::kMemory, now);
        return;
    }
    const Micros cost = boot_now() - now;
    const Micros until_full((limits_.memory_bytes - resident) / kGrowthBytesPerUs);
    const Micros wait = std::clamp(until_full, kMemoryCheckLeast, kMemoryCheckMost);
    memory_check_ = now + std::max(wait, cost * kCheckShare);
}

void Child::on_time(Micros now) {
    if (state_ == State::kRunning && now >= limits_.deadline) {
        kill(KillReason::kTimeout, now);
    }
    if (state_ == State::kRunning && now >= memory_check_) {
        check_memory(now);
    }
    if (state_ == State::kTerminating && now >= kill_at_) {
        state_ = State::kClearing;
        round_wait_ = kRoundFirst;
        clear_round(now);
    }
    if (state_ == State::kClearing && now >= next_round_) {
        reap(now);
        if (state_ == State::kClearing) {
            clear_round(now);
        }
    }
}

Micros Child::next_due() const {
    switch (state_) {
        case State::kNone:
            return Micros::max();
        case State::kRunning:
            return std::min(limits_.deadline, memory_check_);
        case State::kTerminating:
            return kill_at_;
        case State::kClearing:
            return next_round_;
    }
    return Micros::max();
}

}  // namespace servo::executor
