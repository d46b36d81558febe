// What the machine gives this process and how it does: processors, memory, pressure, disk. Limits
// of cgroups count, of version 2 and version 1, on each level from the process' own group to the
// root that it sees. A figure that the machine does not offer stays absent.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/executor_health.h"
#include "base/time.h"

namespace servo::executor {

// Where the figures are read; another tree in tests.
struct MachinePaths {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
    std::string disk;  // a folder on the disk that is looked at; empty = none
};

// Processors that cgroups allow; nullopt = no limit.
std::optional<double> cgroup_cpus(const MachinePaths& paths = {});
// The least of that and the processors this process may be scheduled on.
double usable_cpus(const MachinePaths& paths = {});
// The same as a number of slots: rounded up, at least one.
int usable_cpu_count(const MachinePaths& paths = {});

// Looks at intervals; shares are of the time since the look before. One thread at a time.
class Machine {
 public:
    explicit Machine(MachinePaths paths) : paths_(std::move(paths)) {}
    // Fills the machine's part of `out`. `now` never decreases.
    void look(Micros now, api::ExecutorHealth& out);

 private:
    void look_at_processors(Micros now, api::ExecutorHealth& out);
    void look_at_memory(api::ExecutorHealth& out) const;
    void look_at_pressure(api::ExecutorHealth& out) const;
    void look_at_disk(api::ExecutorHealth& out) const;

    MachinePaths paths_;
    struct Used {
        Micros at{0};
        int64_t cpu_us = 0;
        int64_t periods = 0;
        int64_t throttled = 0;
    };
    std::optional<Used> before_;
};

}  // namespace servo::executor
