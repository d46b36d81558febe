// What the machine gives this process. Limits of cgroups count, of version 2 and version 1, on each
// level from the process' own group to the root that it sees. Thread-safe.
#pragma once

#include <optional>
#include <string>

namespace servo::executor {

// Where the figures are read; another tree in tests.
struct MachinePaths {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
};

// Processors that cgroups allow; nullopt = no limit.
std::optional<double> cgroup_cpus(const MachinePaths& paths = {});
// The least of that and the processors this process may be scheduled on.
double usable_cpus(const MachinePaths& paths = {});
// The same as a number of slots: rounded up, at least one.
int usable_cpu_count(const MachinePaths& paths = {});

}  // namespace servo::executor
