#include "executor/slot_cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string_view>
#include <utility>

namespace servo::executor {
namespace {

constexpr std::string_view kOwnGroup = "/servo-executor";
constexpr std::string_view kSlotGroup = "/servo-slot-";

// Files of the kernel are never made, only written. 0, or why it cannot.
int write_file(const std::string& path, std::string_view text) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) {
        return errno;
    }
    return ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                            : errno;
}

bool has_word(const std::string& path, std::string_view wanted) {
    std::ifstream in(path);
    for (std::string word; in >> word;) {
        if (word == wanted) {
            return true;
        }
    }
    return false;
}

// The path of this process' group of version 2, as seen from `paths.cgroup`; "/" at the root.
std::string own_group(const MachinePaths& paths) {
    std::ifstream in(paths.proc + "/self/cgroup");
    for (std::string line; std::getline(in, line);) {
        constexpr std::string_view kUnified = "0::";
        if (line.starts_with(kUnified)) {
            return line.substr(kUnified.size());
        }
    }
    return {};
}

// systemd marks what it leaves to others. Root may write everywhere and must not for that reason;
// for anybody else the permissions say the same. A container's root is the container's own.
bool is_delegated(const std::string& folder, const std::string& group) {
    if (::geteuid() != 0 || group == "/") {
        return true;
    }
    for (const char* name : {"trusted.delegate", "user.delegate"}) {
        std::array<char, 8> value{};
        const ssize_t size = ::getxattr(folder.c_str(), name, value.data(), value.size());
        if (size > 0 && value[0] == '1') {
            return true;
        }
    }
    return false;
}

Error cannot(std::string why) {
    return failed_precondition("no_cgroup", std::move(why));
}

bool make_folder(const std::string& path) {
    return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

std::string find_own_counter() {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        const size_t colon = line.find(':');
        const size_t path = line.find(':', colon + 1);
        if (colon == std::string::npos || path == std::string::npos) {
            continue;
        }
        const bool v2 = path == colon + 1;
        const std::string controllers = line.substr(colon + 1, path - colon - 1);
        if (!v2 && controllers != "memory") {
            continue;
        }
        const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
        const std::string file = v2 ? "/memory.events" : "/memory.oom_control";
        // Inside a container the group is at the root.
        for (const std::string& place : {root + line.substr(path + 1) + file, root + file}) {
            if (::access(place.c_str(), R_OK) == 0) {
                return place;
            }
        }
    }
    return {};
}

}  // namespace

// --- the executor's end ----------------------------------------------------------------------

Result<CgroupTree> CgroupTree::take(const MachinePaths& paths) {
    const std::string group = own_group(paths);
    if (group.empty() || ::access((paths.cgroup + "/cgroup.controllers").c_str(), R_OK) != 0) {
        return fail(cannot("control groups of version 2 are not mounted at " + paths.cgroup));
    }
    const std::string folder = group == "/" ? paths.cgroup : paths.cgroup + group;
    if (!has_word(folder + "/cgroup.controllers", "memory")) {
        return fail(cannot(folder + " has no memory controller"));
    }
    if (::access((folder + "/cgroup.procs").c_str(), W_OK) != 0) {
        return fail(cannot(folder + " may not be written"));
    }
    if (!is_delegated(folder, group)) {
        return fail(cannot(folder + " is not delegated to this executor (systemd: Delegate=yes)"));
    }
    const std::string own = folder + std::string(kOwnGroup);
    if (!make_folder(own)) {
        return fail(cannot(os_error("make " + own, errno).message));
    }
    if (pid_t other = 0; std::ifstream(own + "/cgroup.procs") >> other && other > 0) {
        return fail(cannot(own + " is another executor's"));
    }
    if (const int error = write_file(own + "/cgroup.procs", "0"); error != 0) {
        ::rmdir(own.c_str());
        return fail(cannot(os_error("move into " + own, error).message));
    }
    CgroupTree tree(folder);
    const int error = write_file(folder + "/cgroup.subtree_control", "+memory");
    if (error == EBUSY) {
        return fail(cannot(folder + " holds other processes than this executor"));
    }
    if (error != 0) {
        return fail(cannot(os_error("hand out the memory controller of " + folder, error).message));
    }
    return tree;
}

CgroupTree::CgroupTree(CgroupTree&& other) noexcept : group_(std::exchange(other.group_, {})) {}

CgroupTree::~CgroupTree() {
    if (group_.empty()) {
        return;
    }
    for (int slot = 0;
         ::rmdir((group_ + std::string(kSlotGroup) + std::to_string(slot)).c_str()) == 0;
         ++slot) {
    }
    write_file(group_ + "/cgroup.subtree_control", "-memory");
    write_file(group_ + "/cgroup.procs", "0");
    ::rmdir((group_ + std::string(kOwnGroup)).c_str());
}

std::string CgroupTree::slot_folder(int slot) const {
    std::string folder = group_ + std::string(kSlotGroup) + std::to_string(slot);
    return make_folder(folder) ? folder : std::string();
}

// --- the out-of-memory killer ----------------------------------------------------------------

OomWatch::OomWatch() : OomWatch(find_own_counter()) {}

OomWatch::OomWatch(std::string path) : path_(std::move(path)), seen_(count()) {}

int64_t OomWatch::count() const {
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
        constexpr std::string_view kName = "oom_kill ";
        if (line.starts_with(kName)) {
            int64_t value = 0;
            std::from_chars(line.data() + kName.size(), line.data() + line.size(), value);
            return value;
        }
    }
    return 0;
}

bool OomWatch::struck() {
    const int64_t now = count();
    return now > std::exchange(seen_, now);
}

// --- the slot's end --------------------------------------------------------------------------

SlotCgroup::SlotCgroup(const std::string& folder)
    : folder_(folder), oom_(folder.empty() ? std::string() : folder + "/memory.events") {
    if (folder_.empty()) {
        return;
    }
    procs_.reset(::open((folder_ + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    // Where the killer strikes, all of the attempt goes: half of a program is no program.
    write_file(folder_ + "/memory.oom.group", "1");
    write_file(folder_ + "/memory.swap.max", "0");
}

bool SlotCgroup::limit_memory(int64_t bytes) {
    oom_.struck();
    return procs_ && write_file(folder_ + "/memory.max", std::to_string(bytes)) == 0;
}

bool SlotCgroup::kill() {
    return !folder_.empty() && write_file(folder_ + "/cgroup.kill", "1") == 0;
}

}  // namespace servo::executor
