// Starts a program by vfork and exec, in a session and process group of its own, bound to the life
// of the calling process. posix_spawn can do neither the death signal nor check for its race.
// For a single-threaded caller that blocks the signals it waits for.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "executor/os.h"

namespace servo::executor {

struct ProcessSpec {
    std::string program;  // path; relative to `directory` when it is not absolute
    std::vector<std::string> argv;
    std::vector<std::string> env;  // NAME=value
    std::string directory;         // empty: the caller's
};

struct SpawnDescriptors {
    int input = -1;   // 0; -1 = /dev/null
    int output = -1;  // 1 and 2
    int answer = -1;  // 3; -1 = none
    int group = -1;   // cgroup.procs of the group to move into; -1 = stay
};

enum class SpawnStage { kFork, kDescriptors, kDirectory, kExec };

struct SpawnFailure {
    SpawnStage stage = SpawnStage::kFork;
    int error_number = 0;
};

struct Spawned {
    pid_t pid = 0;  // 0: it did not start
    bool in_group = false;
};

// `dev_null` is open for reading. No descriptor given may be below 4. Fills `failure` when it did
// not start.
Spawned spawn(
    const ProcessSpec& spec,
    const SpawnDescriptors& descriptors,
    int dev_null,
    SpawnFailure& failure
);

// What every process of a slot inherits: no new privileges, no core dumps, a bound on open files,
// umask 077, all signals at their defaults, nothing but the standard descriptors and those named in
// `keep` (ascending), which close on exec. Called once by the slot process.
void confine_process(const std::vector<int>& keep);

}  // namespace servo::executor
