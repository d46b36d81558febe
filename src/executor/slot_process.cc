#include "executor/slot_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "executor/slot_loop.h"

namespace servo::executor {

int slot_main(int fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
        std::fprintf(
            stderr, "servo slot is started by the executor itself; run: servo executor --help\n"
        );
        return 2;
    }
    confine_process(
        ::fcntl(kSlotLockFd, F_GETFD) >= 0 ? std::vector<int>{fd, kSlotLockFd}
                                           : std::vector<int>{fd}
    );
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_TIMERSLACK, 1);
    ::prctl(PR_SET_NAME, "servo-slot");
    // Signals to the whole control group or terminal are the executor's business: it drains.
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    // Descriptors below 5 are those that children are given.
    UniqueFd signals(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    UniqueFd timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!signals || !timer) {
        std::fprintf(stderr, "servo slot: cannot create its descriptors\n");
        return 1;
    }
    SlotLoop loop(UniqueFd(fd), std::move(signals), std::move(timer));
    return loop.run();
}

}  // namespace servo::executor
