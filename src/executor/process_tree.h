// The processes below one of ours, as /proc lists them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace servo::executor {

struct ProcessInfo {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t session = 0;
    uint64_t start_ticks = 0;  // with the pid it names a process for ever
    int64_t rss_bytes = 0;
    bool zombie = false;
    bool stopped = false;  // by SIGSTOP or the like
};

// None: it is gone.
std::optional<ProcessInfo> read_process(pid_t pid);

// Every descendant of `root` (without it), parents before children. Costs a read per process on the
// machine. Processes that come and go meanwhile may be missed.
std::vector<ProcessInfo> descendants(pid_t root);

// Signals that very process: not one that was given its pid since. False when it is gone.
bool signal_process(const ProcessInfo& process, int signal);

}  // namespace servo::executor
