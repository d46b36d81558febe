// Control groups of version 2, where the machine lets the executor make them: the kernel then holds
// what runs in a slot to its memory, all its processes together, and kills them as one.
//
// The group that the executor was started in must be delegated to it (systemd: Delegate=yes) and
// hold no other process. A group with members cannot hand out controllers, so the executor moves
// into one of its own below it, with its slot processes, and makes one more for each slot beside:
//   <group>/servo-executor   the executor and its slot processes
//   <group>/servo-slot-0     a partition with a memory limit, while it runs in slot 0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "executor/machine.h"
#include "executor/os.h"

namespace servo::executor {

// The executor's end. Not thread-safe.
class CgroupTree {
 public:
    // Moves this process, with all its threads; before there are slot processes. The error says why
    // the kernel cannot be given the limits here; then nothing was changed.
    static Result<CgroupTree> take(const MachinePaths& paths = {});
    // Moves back and removes what is empty, as far as that works.
    ~CgroupTree();
    CgroupTree(CgroupTree&& other) noexcept;
    CgroupTree& operator=(CgroupTree&&) = delete;

    // The folder of a slot's group, made when it is not there; empty when that fails.
    std::string slot_folder(int slot) const;

 private:
    explicit CgroupTree(std::string group) : group_(std::move(group)) {}
    std::string group_;  // empty: moved from
};

// Counts what the kernel's out-of-memory killer did in a group: lines of memory.events (version 2)
// or memory.oom_control (version 1).
class OomWatch {
 public:
    // Of the group that this process is in.
    OomWatch();
    explicit OomWatch(std::string path);
    // Whether it struck since the last look.
    bool struck();

 private:
    int64_t count() const;
    std::string path_;
    int64_t seen_ = 0;
};

// The slot process' end of its group, for one attempt after the other. Not thread-safe.
class SlotCgroup {
 public:
    // `folder` is empty where there are no groups.
    explicit SlotCgroup(const std::string& folder);
    // False when the kernel was not given the limit: somebody else must watch.
    bool limit_memory(int64_t bytes);
    // A process that writes "0" here moves into the group; -1 where there are none.
    int procs_fd() const { return procs_.get(); }
    // Whether the memory ran out since limit_memory().
    bool ran_out() { return oom_.struck(); }
    // Kills every process of the group at once. False when the kernel cannot: before 5.14.
    bool kill();

 private:
    std::string folder_;
    UniqueFd procs_;
    OomWatch oom_;
};

}  // namespace servo::executor
