#include "apps/stop_signal.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"

namespace servo::apps {
namespace {

constexpr int kSignalExitBase = 128;

int make_event() {
    const int fd = eventfd(0, EFD_CLOEXEC);
    SERVO_ASSERT(fd >= 0);
    return fd;
}

}  // namespace

StopSignal::StopSignal() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    signal(SIGPIPE, SIG_IGN);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    SERVO_ASSERT(signal_fd_ >= 0);
    raised_fd_ = make_event();
    stopped_fd_ = make_event();
    ended_fd_ = make_event();
    begun_fd_ = make_event();
    early_ = ends_at_once(begun_fd_);
}

// Until `until_fd` is readable a signal ends the process: slot processes see it go and end, too.
std::thread StopSignal::ends_at_once(int until_fd) {
    return std::thread([this, until_fd] {
        if (const int number = wait_once(until_fd); number != 0) {
            _exit(kSignalExitBase + number);
        }
    });
}

void StopSignal::begin() {
    eventfd_write(begun_fd_, 1);
    if (early_.joinable()) {
        early_.join();
    }
}

StopSignal::~StopSignal() {
    begin();
    eventfd_write(ended_fd_, 1);
    if (second_.joinable()) {
        second_.join();
    }
    for (const int fd : {signal_fd_, raised_fd_, stopped_fd_, ended_fd_, begun_fd_}) {
        close(fd);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

// The signal's number, or 0 when `other_fd` became readable first.
int StopSignal::wait_once(int other_fd) const {
    for (;;) {
        pollfd fds[2] = {{signal_fd_, POLLIN, 0}, {other_fd, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno == EINTR) {
            continue;
        }
        if ((fds[0].revents & POLLIN) != 0) {
            signalfd_siginfo info;
            const ssize_t size = read(signal_fd_, &info, sizeof info);
            return size == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo)
                                                             : SIGTERM;
        }
        return 0;
    }
}

int StopSignal::wait() {
    begin();
    const int number = wait_once(raised_fd_);
    eventfd_write(stopped_fd_, 1);
    if (!second_.joinable()) {
        second_ = ends_at_once(ended_fd_);
    }
    return number;
}

void StopSignal::raise() {
    eventfd_write(raised_fd_, 1);
}

}  // namespace servo::apps
