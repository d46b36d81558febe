#include "executor/machine.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace servo::executor {
namespace {

constexpr size_t kLevelsMax = 64;
constexpr size_t kFileBytesMax = 64 * 1024;

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return std::nullopt;
    }
    std::string text(kFileBytesMax, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
    return text;
}

std::optional<int64_t> number_in(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> read_number(const std::string& path) {
    const auto text = read_file(path);
    return text ? number_in(*text) : std::nullopt;
}

// Folders of the process' group for one controller, its own first, the root last. `controller`
// empty: the unified tree of version 2.
std::vector<std::string> levels(const MachinePaths& paths, std::string_view controller) {
    const auto text = read_file(paths.proc + "/self/cgroup");
    std::istringstream in(text.value_or(""));
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) {
        const size_t first = line.find(':');
        const size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const std::string names = line.substr(first + 1, second - first - 1);
        const std::string listed = "," + names + ",";
        const std::string wanted = "," + std::string(controller) + ",";
        if (controller.empty() ? !names.empty() : listed.find(wanted) == std::string::npos) {
            continue;
        }
        std::string root = paths.cgroup;
        if (!controller.empty()) {
            root += "/" + std::string(controller);  // a link where several share a folder
        } else if (!read_file(root + "/cgroup.controllers")) {
            root += "/unified";  // both versions side by side
        }
        std::string group = line.substr(second + 1);
        while (out.size() < kLevelsMax) {
            group.resize(group.find_last_not_of('/') + 1);
            out.push_back(root + group);
            const size_t parent = group.rfind('/');
            if (group.empty() || parent == std::string::npos) {
                break;
            }
            group.resize(parent);
        }
        return out;
    }
    return out;
}

void lower(std::optional<double>& least, double value) {
    least = least ? std::min(*least, value) : value;
}

}  // namespace

std::optional<double> cgroup_cpus(const MachinePaths& paths) {
    std::optional<double> least;
    for (const std::string& level : levels(paths, "")) {
        std::istringstream in(read_file(level + "/cpu.max").value_or(""));
        std::string quota;
        double period = 0;
        if (in >> quota >> period && period > 0) {
            if (const auto allowed = number_in(quota); allowed && *allowed > 0) {
                lower(least, static_cast<double>(*allowed) / period);
            }
        }
    }
    for (const std::string& level : levels(paths, "cpu")) {
        const auto quota = read_number(level + "/cpu.cfs_quota_us");
        const auto period = read_number(level + "/cpu.cfs_period_us");
        if (quota && period && *quota > 0 && *period > 0) {
            lower(least, static_cast<double>(*quota) / static_cast<double>(*period));
        }
    }
    return least;
}

double usable_cpus(const MachinePaths& paths) {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int cpus = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return std::min<double>(std::max(cpus, 1), cgroup_cpus(paths).value_or(cpus));
}

int usable_cpu_count(const MachinePaths& paths) {
    return std::max(1, static_cast<int>(std::ceil(usable_cpus(paths))));
}

}  // namespace servo::executor
