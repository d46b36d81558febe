#include "executor/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/exec_pointers.h"

namespace servo::executor {
namespace {

constexpr rlim_t kOpenFilesMax = 4'096;
// Children are killed before slot processes' owner when memory runs out.
constexpr const char* kOomScore = "500";

// Everything that the child needs, prepared before vfork: between vfork and exec it may only make
// system calls and write to `failure`.
struct ChildPlan {
    const char* program;
    char* const* argv;
    char* const* env;
    const char* directory;
    int input;
    int output;
    int answer;
    int group;
    pid_t parent;
    volatile bool in_group;
    volatile SpawnStage stage;
    volatile int error_number;
};

[[noreturn]] void give_up(ChildPlan& plan, SpawnStage stage) {
    plan.stage = stage;
    plan.error_number = errno;
    ::_exit(127);
}

[[noreturn]] void run_child(ChildPlan& plan) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) {
        ::_exit(127);  // the parent died before the death signal was set
    }
    ::setsid();
    plan.in_group = plan.group >= 0 && ::write(plan.group, "0", 1) == 1;
    if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0 ||
        (plan.answer >= 0 && ::dup2(plan.answer, 3) < 0)) {
        give_up(plan, SpawnStage::kDescriptors);
    }
    if (plan.directory != nullptr && ::chdir(plan.directory) != 0) {
        give_up(plan, SpawnStage::kDirectory);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(plan.program, plan.argv, plan.env);
    give_up(plan, SpawnStage::kExec);
}

// Alone in its frame, so that nothing the compiler keeps for the caller is touched twice.
[[gnu::noinline]] pid_t vfork_child(ChildPlan& plan) {
    const pid_t pid = ::vfork();
    if (pid == 0) {
        run_child(plan);
    }
    return pid;
}

}  // namespace

Spawned spawn(
    const ProcessSpec& spec,
    const SpawnDescriptors& descriptors,
    int dev_null,
    SpawnFailure& failure
) {
    const std::vector<char*> argv = exec_pointers(spec.argv);
    const std::vector<char*> env = exec_pointers(spec.env);
    ChildPlan plan{
        spec.program.c_str(),
        argv.data(),
        env.data(),
        spec.directory.empty() ? nullptr : spec.directory.c_str(),
        descriptors.input >= 0 ? descriptors.input : dev_null,
        descriptors.output,
        descriptors.answer,
        descriptors.group,
        ::getpid(),
        false,
        SpawnStage::kFork,
        0};
    const pid_t pid = vfork_child(plan);
    if (pid < 0) {
        failure = {SpawnStage::kFork, errno};
        return {};
    }
    if (plan.error_number != 0) {
        int status = 0;
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        failure = {plan.stage, plan.error_number};
        return {};
    }
    return {pid, plan.in_group};
}

void confine_process(const std::vector<int>& keep) {
    {
        // Before the process hides itself: after that its files in /proc belong to root.
        const UniqueFd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
        if (score) {
            [[maybe_unused]] const ssize_t wrote = ::write(score.get(), kOomScore, 3);
        }
    }
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // its memory and environment hold secrets
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = std::min(files.rlim_max, kOpenFilesMax);
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    ::umask(077);
    for (int signal = 1; signal < NSIG; ++signal) {
        std::signal(signal, SIG_DFL);  // fails for those that cannot be changed
    }
    unsigned first = 3;
    for (const int fd : keep) {
        if (static_cast<unsigned>(fd) > first) {
            ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
        }
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        first = static_cast<unsigned>(fd) + 1;
    }
    ::close_range(first, ~0U, 0);
}

}  // namespace servo::executor
