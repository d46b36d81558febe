#include "load/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/exec_pointers.h"

namespace servo::load {
namespace {

constexpr std::streamoff kLogBytesMax = 64 * 1024;
constexpr const char* kSelf = "/proc/self/exe";

// Between fork and exec: nothing but system calls. A process group of its own, so that a Ctrl-C at
// the terminal reaches the load test alone, which then ends things in order.
[[noreturn]] void become(char* const* argv, char* const* envp, int log, pid_t parent) {
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (getppid() == parent && null >= 0 && dup2(null, 0) == 0 && dup2(log, 1) == 1 &&
        dup2(log, 2) == 2) {
        execve(kSelf, argv, envp);
    }
    _exit(127);
}

}  // namespace

Result<std::unique_ptr<Child>> Child::start(const ChildSpec& spec) {
    const auto failed = [&](const char* what) {
        return fail(internal(
            "cannot_start",
            "Cannot start servo " + spec.arguments.front() + ": " + what + ": " +
                std::strerror(errno) + "."
        ));
    };
    std::vector<std::string> argv = spec.arguments;
    argv.insert(argv.begin(), "servo");
    const std::vector<char*> argv_pointers = exec_pointers(argv);
    const std::vector<char*> environment_pointers = exec_pointers(spec.environment);
    const int log = open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0) {
        return failed("its log");
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        become(argv_pointers.data(), environment_pointers.data(), log, parent);
    }
    close(log);
    if (pid < 0) {
        return failed("fork");
    }
    const auto handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    std::unique_ptr<Child> child(new Child(pid, handle, spec.log_path));
    if (handle < 0) {
        return failed("pidfd");
    }
    return child;
}

void Child::ask_to_end() {
    if (alive()) {
        kill(pid_, SIGTERM);
    }
}

bool Child::alive() {
    return !wait_end(Millis(0));
}

bool Child::wait_end(Millis most) {
    if (!gone_) {
        pollfd ended{handle_, POLLIN, 0};
        gone_ = poll(&ended, 1, static_cast<int>(most.count())) > 0 &&
                waitpid(pid_, nullptr, WNOHANG) == pid_;
    }
    return gone_;
}

Child::~Child() {
    ask_to_end();
    if (!wait_end(kEndWithin)) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (handle_ >= 0) {
        close(handle_);
    }
}

std::string Child::log() const {
    std::ifstream in(log_path_, std::ios::binary | std::ios::ate);
    const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : 0;
    const std::streamoff from = std::max<std::streamoff>(0, size - kLogBytesMax);
    in.seekg(from);
    std::string text(static_cast<size_t>(size - from), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(std::max<std::streamsize>(0, in.gcount())));
    return text;
}

}  // namespace servo::load
