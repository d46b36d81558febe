#include "executor/machine.h"

#include <sched.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

namespace servo::executor {
namespace {

constexpr size_t kLevelsMax = 64;
constexpr size_t kFileBytesMax = 64 * 1024;
// Version 1 says "no limit" with the largest page-aligned number.
constexpr int64_t kNoLimitBytes = int64_t{1} << 60;

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

// The number behind `key` in lines of "key value" or "key: value kB".
std::optional<int64_t> read_keyed(const std::string& path, std::string_view key) {
    const auto text = read_file(path);
    if (!text) {
        return std::nullopt;
    }
    std::istringstream in(*text);
    std::string word;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        int64_t value = 0;
        if (words >> word >> value && (word == key || word == std::string(key) + ":")) {
            return value;
        }
    }
    return std::nullopt;
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

// The nearest level that has the file; a container may see the root of its own group alone.
std::optional<std::string> nearest(
    const MachinePaths& paths, std::string_view controller, std::string_view file
) {
    for (const std::string& level : levels(paths, controller)) {
        const std::string path = level + "/" + std::string(file);
        if (std::ifstream(path).good()) {
            return path;
        }
    }
    return std::nullopt;
}

void lower(std::optional<double>& least, double value) {
    least = least ? std::min(*least, value) : value;
}

// A group's limit and what it uses, of which the page cache that can be dropped is no part.
struct MemoryGroup {
    std::optional<int64_t> limit;
    std::optional<int64_t> used;
};

MemoryGroup memory_group(const std::string& level, bool unified) {
    const std::string limit = level + (unified ? "/memory.max" : "/memory.limit_in_bytes");
    const std::string used = level + (unified ? "/memory.current" : "/memory.usage_in_bytes");
    MemoryGroup group{read_number(limit), read_number(used)};
    if (group.limit && *group.limit >= kNoLimitBytes) {
        group.limit.reset();
    }
    if (group.used) {
        const auto cache =
            read_keyed(level + "/memory.stat", unified ? "inactive_file" : "total_inactive_file");
        group.used = std::max<int64_t>(0, *group.used - cache.value_or(0));
    }
    return group;
}

// "some avg10=1.23 …" → 0.0123.
std::optional<double> read_pressure(const std::string& path) {
    const auto text = read_file(path);
    constexpr std::string_view kBefore = "some avg10=";
    const size_t at = text ? text->find(kBefore) : std::string::npos;
    if (at == std::string::npos) {
        return std::nullopt;
    }
    const double percent = std::strtod(text->c_str() + at + kBefore.size(), nullptr);
    return std::clamp(percent / 100, 0.0, 1.0);
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

void Machine::look(Micros now, api::ExecutorHealth& out) {
    look_at_processors(now, out);
    look_at_memory(out);
    look_at_pressure(out);
    look_at_disk(out);
}

void Machine::look_at_processors(Micros now, api::ExecutorHealth& out) {
    out.cpus = usable_cpus(paths_);
    Used used;
    used.at = now;
    std::string periods;
    if (const auto nanos = nearest(paths_, "cpuacct", "cpuacct.usage")) {
        used.cpu_us = read_number(*nanos).value_or(0) / 1'000;
        periods = nearest(paths_, "cpu", "cpu.stat").value_or("");
    } else if (const auto stat = nearest(paths_, "", "cpu.stat")) {
        used.cpu_us = read_keyed(*stat, "usage_usec").value_or(0);
        periods = *stat;
    } else {
        return;
    }
    used.periods = read_keyed(periods, "nr_periods").value_or(0);
    used.throttled = read_keyed(periods, "nr_throttled").value_or(0);
    if (before_ && now > before_->at && used.cpu_us >= before_->cpu_us) {
        const auto wall = static_cast<double>((now - before_->at).count());
        const auto cpu = static_cast<double>(used.cpu_us - before_->cpu_us);
        out.cpu_share = std::clamp(cpu / wall / out.cpus, 0.0, 1.0);
        const int64_t all = used.periods - before_->periods;
        if (all > 0) {
            const auto cut = static_cast<double>(used.throttled - before_->throttled);
            out.cpu_throttled_share = std::clamp(cut / static_cast<double>(all), 0.0, 1.0);
        }
    }
    before_ = used;
}

// The level with the least room decides: that is where a partition would be killed.
void Machine::look_at_memory(api::ExecutorHealth& out) const {
    const auto total = read_keyed(paths_.proc + "/meminfo", "MemTotal");
    const auto available = read_keyed(paths_.proc + "/meminfo", "MemAvailable");
    int64_t room = std::numeric_limits<int64_t>::max();
    if (total && available) {
        constexpr int64_t kKibibyte = 1'024;
        out.memory_limit_bytes = *total * kKibibyte;
        out.memory_bytes = (*total - *available) * kKibibyte;
        room = *available * kKibibyte;
    }
    for (const bool unified : {true, false}) {
        for (const std::string& level : levels(paths_, unified ? "" : "memory")) {
            const MemoryGroup group = memory_group(level, unified);
            if (group.limit && group.used && *group.limit - *group.used < room) {
                room = *group.limit - *group.used;
                out.memory_limit_bytes = group.limit;
                out.memory_bytes = group.used;
            }
        }
    }
}

void Machine::look_at_pressure(api::ExecutorHealth& out) const {
    const auto pressure = [this](const std::string& what) {
        const auto own = nearest(paths_, "", what + ".pressure");
        return read_pressure(own.value_or(paths_.proc + "/pressure/" + what));
    };
    out.cpu_pressure = pressure("cpu");
    out.memory_pressure = pressure("memory");
    out.io_pressure = pressure("io");
}

void Machine::look_at_disk(api::ExecutorHealth& out) const {
    struct statvfs disk {};
    if (paths_.disk.empty() || ::statvfs(paths_.disk.c_str(), &disk) != 0) {
        return;
    }
    out.disk_free_bytes = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
    out.disk_bytes = static_cast<int64_t>(disk.f_blocks * disk.f_frsize);
}

}  // namespace servo::executor
