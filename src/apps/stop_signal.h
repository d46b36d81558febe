// SIGINT and SIGTERM as events. Made on the main thread before any other thread exists, so that all
// of them inherit the blocked mask.
#pragma once

#include <signal.h>

#include <atomic>
#include <thread>

namespace servo::apps {

class StopSignal {
 public:
    StopSignal();
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    // Until now a signal ends the process at once: nothing runs yet that has to end in order, and
    // a start may take long. From now on it is kept for wait().
    void begin();
    // Blocks until one of the signals arrives or raise() is called. From then on a further signal
    // ends the process at once. Returns the signal's number, or 0 for raise().
    int wait();
    // The same as a signal, from any thread.
    void raise();
    // Readable from the first signal or raise() on; for loops of other threads. Never read from it.
    int stopped_fd() const { return stopped_fd_; }

 private:
    int wait_once(int other_fd) const;
    std::thread ends_at_once(int until_fd);

    sigset_t before_{};
    int signal_fd_ = -1;
    int raised_fd_ = -1;
    int stopped_fd_ = -1;
    int ended_fd_ = -1;
    int begun_fd_ = -1;
    std::thread early_;   // until begin()
    std::thread second_;  // after the first signal
};

}  // namespace servo::apps
