// Processor time of this machine and of a process on it, from /proc. Readings are taken twice and
// compared. Any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>

namespace servo::load {

struct MachineReading {
    int64_t busy_ticks = 0;            // of all processors
    int64_t total_ticks = 0;           // with the idle ones
    std::map<pid_t, int64_t> threads;  // of the process: thread → its ticks
    int64_t boot_ms = 0;               // CLOCK_BOOTTIME
};
// `process` 0: the machine alone.
MachineReading read_machine(pid_t process);

struct MachineUse {
    double busy = 0;                       // share of all processors
    std::optional<double> busiest_thread;  // of the process, share of one processor
    std::optional<double> process_cpus;    // processors that the process used
};
MachineUse machine_use(const MachineReading& from, const MachineReading& to);

}  // namespace servo::load
