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
    MachinePaths paths() const {
        return {(root_ / "proc").string(), (root_ / "cg").string(), root_.string()};
    }

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

TEST_F(MachineTest, SharesAreOfTheTimeSinceTheLookBefore) {
    write("proc/self/cgroup", "0::/a\n");
    write("cg/cgroup.controllers", "cpu\n");
    write("cg/a/cpu.max", "50000 100000\n");
    write("cg/a/cpu.stat", "usage_usec 1000000\nnr_periods 10\nnr_throttled 1\n");
    Machine machine(paths());
    api::ExecutorHealth first;
    machine.look(Micros(1'000'000), first);
    EXPECT_EQ(first.cpus, 0.5);
    EXPECT_FALSE(first.cpu_share.has_value());
    write("cg/a/cpu.stat", "usage_usec 1250000\nnr_periods 20\nnr_throttled 6\n");
    api::ExecutorHealth second;
    machine.look(Micros(2'000'000), second);
    EXPECT_DOUBLE_EQ(second.cpu_share.value(), 0.5);
    EXPECT_DOUBLE_EQ(second.cpu_throttled_share.value(), 0.5);
}

TEST_F(MachineTest, MemoryIsThatOfTheLevelWithTheLeastRoom) {
    write("proc/self/cgroup", "4:memory:/a/b\n0::/\n");
    write("proc/meminfo", "MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  400 kB\n");
    Machine machine(paths());
    api::ExecutorHealth health;
    machine.look(Micros(1), health);
    EXPECT_EQ(health.memory_limit_bytes, 1'024'000);
    EXPECT_EQ(health.memory_bytes, 614'400);
    write("cg/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
    write("cg/memory/a/b/memory.usage_in_bytes", "10\n");
    write("cg/memory/a/memory.limit_in_bytes", "200000\n");
    write("cg/memory/a/memory.usage_in_bytes", "150000\n");
    write("cg/memory/a/memory.stat", "total_inactive_file 50000\n");
    machine.look(Micros(2), health);
    EXPECT_EQ(health.memory_limit_bytes, 200'000);
    EXPECT_EQ(health.memory_bytes, 100'000);
}

TEST_F(MachineTest, PressureIsThatOfTheGroupOrElseOfTheMachine) {
    write("proc/self/cgroup", "0::/a\n");
    write("cg/cgroup.controllers", "cpu\n");
    write("proc/pressure/cpu", "some avg10=99.53 avg60=1 avg300=1 total=1\n");
    write("proc/pressure/io", "some avg10=5.00 avg60=1 avg300=1 total=1\n");
    write("cg/a/cpu.pressure", "some avg10=25.00 avg60=0.00 avg300=0.00 total=0\n");
    api::ExecutorHealth health;
    Machine(paths()).look(Micros(1), health);
    EXPECT_DOUBLE_EQ(health.cpu_pressure.value(), 0.25);
    EXPECT_DOUBLE_EQ(health.io_pressure.value(), 0.05);
    EXPECT_FALSE(health.memory_pressure.has_value());
}

TEST_F(MachineTest, AMachineThatOffersNothingIsNoError) {
    MachinePaths nowhere{(root_ / "no").string(), (root_ / "nor").string(), "/no/such/folder"};
    api::ExecutorHealth health;
    Machine(nowhere).look(Micros(1), health);
    EXPECT_GT(health.cpus, 0);
    EXPECT_FALSE(health.cpu_share.has_value());
    EXPECT_FALSE(health.memory_bytes.has_value());
    EXPECT_FALSE(health.cpu_pressure.has_value());
    EXPECT_FALSE(health.disk_free_bytes.has_value());
    EXPECT_GE(usable_cpu_count(nowhere), 1);
}

TEST_F(MachineTest, TheDiskIsThatOfTheFolder) {
    api::ExecutorHealth health;
    Machine(paths()).look(Micros(1), health);
    EXPECT_GT(health.disk_bytes.value(), 0);
    EXPECT_LE(health.disk_free_bytes.value(), health.disk_bytes.value());
}

}  // namespace
}  // namespace servo::executor
