#include "executor/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace servo::executor {
namespace {

namespace fs = std::filesystem;

// A machine made of files.
class MachineTest : public ::testing::Test {
 protected:
    MachineTest() {
        std::string name = ::testing::TempDir() + "servo-machine-XXXXXX";
        root_ = ::mkdtemp(name.data());
    }
    ~MachineTest() override { fs::remove_all(root_); }

    void write(const std::string& path, const std::string& text) const {
        const fs::path file = root_ / path;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    MachinePaths paths() const { return {(root_ / "proc").string(), (root_ / "cg").string()}; }

    fs::path root_;
};

TEST_F(MachineTest, TheLeastLimitOfVersion2OnAnyLevelCounts) {
    write("proc/self/cgroup", "0::/kube/pod\n");
    write("cg/cgroup.controllers", "cpu memory\n");
    EXPECT_FALSE(cgroup_cpus(paths()).has_value());
    write("cg/kube/pod/cpu.max", "max 100000\n");
    EXPECT_FALSE(cgroup_cpus(paths()).has_value());
    write("cg/kube/cpu.max", "150000 100000\n");
    EXPECT_EQ(cgroup_cpus(paths()), 1.5);
    write("cg/kube/pod/cpu.max", "50000 100000\n");
    EXPECT_EQ(cgroup_cpus(paths()), 0.5);
    EXPECT_EQ(usable_cpu_count(paths()), 1);
    write("cg/kube/pod/cpu.max", "junk\n");
    EXPECT_EQ(cgroup_cpus(paths()), 1.5);
}

TEST_F(MachineTest, LimitsOfVersion1CountToo) {
    write("proc/self/cgroup", "5:cpuset:/\n3:cpu,cpuacct:/docker/abc\n0::/\n");
    write("cg/cpu/docker/abc/cpu.cfs_quota_us", "-1\n");
    write("cg/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    EXPECT_FALSE(cgroup_cpus(paths()).has_value());
    write("cg/cpu/docker/abc/cpu.cfs_quota_us", "75000\n");
    EXPECT_EQ(cgroup_cpus(paths()), 0.75);
}

// A container without a cgroup namespace names a folder that it does not see.
TEST_F(MachineTest, AContainerSeesItsOwnGroupAsTheRoot) {
    write("proc/self/cgroup", "3:cpu,cpuacct:/docker/abc\n");
    write("cg/cpu/cpu.cfs_quota_us", "250000\n");
    write("cg/cpu/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(cgroup_cpus(paths()), 2.5);
}

TEST_F(MachineTest, AMachineThatOffersNothingIsNoError) {
    const MachinePaths nowhere{(root_ / "no").string(), (root_ / "nor").string()};
    EXPECT_FALSE(cgroup_cpus(nowhere).has_value());
    EXPECT_GE(usable_cpu_count(nowhere), 1);
}

}  // namespace
}  // namespace servo::executor
