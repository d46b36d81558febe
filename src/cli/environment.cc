#include "cli/environment.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace servo::cli {
namespace {

bool is_ignored(int signal) {
    struct sigaction now {};
    return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// The signals are blocked and read from a descriptor by a thread, so that the callback may take
// locks.
class SignalInterrupt final : public Interrupt {
 public:
    explicit SignalInterrupt(std::function<void()> on_interrupt)
        : on_interrupt_(std::move(on_interrupt)) {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            if (!is_ignored(signal)) {
                sigaddset(&set, signal);
            }
        }
        pthread_sigmask(SIG_BLOCK, &set, &before_);
        signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
        stop_fd_ = eventfd(0, EFD_CLOEXEC);
        thread_ = std::thread([this] { run(); });
    }
    SignalInterrupt(const SignalInterrupt&) = delete;
    SignalInterrupt& operator=(const SignalInterrupt&) = delete;
    ~SignalInterrupt() override {
        eventfd_write(stop_fd_, 1);
        thread_.join();
        close(signal_fd_);
        close(stop_fd_);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    bool raised() const override { return raised_.load(); }

 private:
    void run() {
        for (;;) {
            pollfd fds[2] = {{signal_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
            if (poll(fds, 2, -1) < 0 && errno == EINTR) {
                continue;
            }
            if ((fds[1].revents & POLLIN) != 0) {
                return;
            }
            signalfd_siginfo info;
            if (read(signal_fd_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
                return;
            }
            if (!raised_.exchange(true)) {
                on_interrupt_();
            } else if (info.ssi_signo == SIGINT) {
                _exit(130);  // a person asked twice: do not wait for anything
            }
        }
    }

    std::function<void()> on_interrupt_;
    sigset_t before_{};
    int signal_fd_ = -1;
    int stop_fd_ = -1;
    std::atomic<bool> raised_{false};
    std::thread thread_;
};

int terminal_width() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
}

}  // namespace

Environment process_environment() {
    Environment environment;
    environment.out = &std::cout;
    environment.err = &std::cerr;
    environment.in = &std::cin;
    environment.out_is_terminal = isatty(STDOUT_FILENO) == 1;
    environment.err_is_terminal = isatty(STDERR_FILENO) == 1;
    environment.in_is_terminal = isatty(STDIN_FILENO) == 1;
    environment.width = terminal_width();
    environment.variable = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    environment.now = [] {
        const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
        return instant_ms(std::chrono::duration_cast<Millis>(since_epoch).count());
    };
    environment.make_http = client::make_curl_http;
    environment.catch_interrupt = [](std::function<void()> on_interrupt) {
        return std::make_unique<SignalInterrupt>(std::move(on_interrupt));
    };
    environment.reader_gone = [] {
        pollfd out{STDOUT_FILENO, 0, 0};
        return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0;
    };
    return environment;
}

}  // namespace servo::cli
