// A folder with the files that the kernel would show of a delegated group of version 2.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "executor/machine.h"

namespace servo::executor {

class FakeCgroups {
 public:
    FakeCgroups() {
        std::string name = ::testing::TempDir() + "servo-cgroup-XXXXXX";
        root_ = ::mkdtemp(name.data());
        write_proc("0::/\n");
        write("cgroup.controllers", "cpu memory\n");
        for (const char* file :
             {"cgroup.procs", "cgroup.subtree_control", "servo-executor/cgroup.procs"}) {
            write(file, "");
        }
    }
    ~FakeCgroups() { std::filesystem::remove_all(root_); }
    FakeCgroups(const FakeCgroups&) = delete;
    FakeCgroups& operator=(const FakeCgroups&) = delete;

    // The kernel fills a group with files when it is made; here they are there before.
    void add_slot(int slot) const {
        const std::string group = "servo-slot-" + std::to_string(slot) + "/";
        for (const char* file :
             {"cgroup.procs", "cgroup.kill", "memory.max", "memory.swap.max", "memory.oom.group"}) {
            write(group + file, "");
        }
        write(group + "memory.events", "oom_kill 0\n");
    }
    MachinePaths paths() const { return {root_ + "/proc", root_ + "/cgroup", ""}; }
    std::string path(const std::string& file) const { return root_ + "/cgroup/" + file; }
    void write(const std::string& file, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path(file)).parent_path());
        std::ofstream(path(file)) << text;
    }
    void write_proc(const std::string& groups) const {
        std::filesystem::create_directories(root_ + "/proc/self");
        std::ofstream(root_ + "/proc/self/cgroup") << groups;
    }
    std::string read(const std::string& file) const {
        std::ostringstream out;
        out << std::ifstream(path(file)).rdbuf();
        return out.str();
    }

 private:
    std::string root_;
};

}  // namespace servo::executor
