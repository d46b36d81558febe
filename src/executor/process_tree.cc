#include "executor/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "executor/os.h"

namespace servo::executor {
namespace {

// Fields of /proc/<pid>/stat after the command's name, counted from 0.
constexpr int kState = 0;
constexpr int kParent = 1;
constexpr int kSession = 3;
constexpr int kStartTime = 19;
constexpr int kRssPages = 21;

}  // namespace

std::optional<ProcessInfo> read_process(pid_t pid) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    char text[1024];
    const ssize_t size = fd ? ::read(fd.get(), text, sizeof text) : -1;
    if (size <= 0) {
        return std::nullopt;
    }
    std::string_view rest(text, static_cast<size_t>(size));
    const size_t name_end = rest.rfind(')');  // the name itself may hold anything
    if (name_end == std::string_view::npos || name_end + 2 > rest.size()) {
        return std::nullopt;
    }
    rest.remove_prefix(name_end + 2);
    ProcessInfo info;
    info.pid = pid;
    for (int field = 0; field <= kRssPages && !rest.empty(); ++field) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        int64_t value = 0;
        std::from_chars(word.data(), word.data() + word.size(), value);
        if (field == kState) {
            info.zombie = word == "Z" || word == "X";
            info.stopped = word == "T";
        } else if (field == kParent) {
            info.parent = static_cast<pid_t>(value);
        } else if (field == kSession) {
            info.session = static_cast<pid_t>(value);
        } else if (field == kStartTime) {
            info.start_ticks = static_cast<uint64_t>(value);
        } else if (field == kRssPages) {
            info.rss_bytes = value * ::sysconf(_SC_PAGESIZE);
        }
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return info;
}

namespace {

std::vector<ProcessInfo> all_processes() {
    std::vector<ProcessInfo> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
    if (!proc) {
        return all;
    }
    while (const dirent* entry = ::readdir(proc.get())) {
        const std::string_view name = entry->d_name;
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || end != name.data() + name.size()) {
            continue;
        }
        if (auto info = read_process(pid)) {
            all.push_back(*info);
        }
    }
    return all;
}

}  // namespace

std::vector<ProcessInfo> descendants(pid_t root) {
    std::vector<ProcessInfo> rest = all_processes();
    std::vector<ProcessInfo> found;
    std::vector<pid_t> parents = {root};
    // One generation a round; each process is taken once, so the rounds end.
    while (!parents.empty()) {
        std::vector<pid_t> generation;
        std::vector<ProcessInfo> others;
        for (const ProcessInfo& process : rest) {
            bool child = false;
            for (const pid_t parent : parents) {
                child = child || process.parent == parent;
            }
            if (child) {
                generation.push_back(process.pid);
                found.push_back(process);
            } else {
                others.push_back(process);
            }
        }
        rest = std::move(others);
        parents = std::move(generation);
    }
    return found;
}

bool signal_process(const ProcessInfo& process, int signal) {
    const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (!handle) {
        return false;
    }
    const auto now = read_process(process.pid);
    if (!now || now->start_ticks != process.start_ticks) {
        return false;
    }
    return ::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0) == 0;
}

}  // namespace servo::executor
