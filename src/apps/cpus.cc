#include "apps/cpus.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace servo::apps {
namespace {

constexpr int kGroupsMax = 64;  // levels that are looked at

// Path of this process in the unified cgroup tree; empty when there is none.
std::string own_group() {
    std::ifstream in("/proc/self/cgroup");
    std::string line;
    while (std::getline(in, line)) {
        if (line.starts_with("0::")) {
            return line.substr(3);
        }
    }
    return "";
}

// Processors that `cpu.max` of one group allows, rounded up; 0 = no limit.
int limit_of(const std::string& folder) {
    std::ifstream in(folder + "/cpu.max");
    std::string quota;
    long long period = 0;
    if (!(in >> quota >> period) || quota == "max" || period <= 0) {
        return 0;
    }
    const long long allowed = std::atoll(quota.c_str());
    return allowed <= 0 ? 0 : static_cast<int>((allowed + period - 1) / period);
}

}  // namespace

int usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    std::string group = own_group();
    for (int level = 0; level < kGroupsMax; ++level) {
        if (const int limit = limit_of("/sys/fs/cgroup" + group); limit > 0) {
            cpus = std::min(cpus, limit);
        }
        const size_t parent = group.rfind('/');
        if (group.empty() || parent == std::string::npos) {
            break;
        }
        group.resize(parent);
    }
    return std::max(cpus, 1);
}

}  // namespace servo::apps
