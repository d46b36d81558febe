// What an executor with real processes takes from its machine: groups that hold partitions to their
// memory, and as many slots as there are processors. The groups are a folder of plain files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "executor/agent.h"
#include "executor/attempt_dir.h"
#include "executor/cgroup_test_support.h"
#include "executor/test_server.h"

namespace servo::executor {
namespace {

class AgentMachineTest : public ::testing::Test {
 protected:
    AgentMachineTest() {
        std::string name = ::testing::TempDir() + "servo-machine-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        options_.name = "exec-1";
        options_.state_dir = folder_ + "/state";
        options_.health_every = Millis(20);
        options_.cpus_every = Millis(10);
        options_.machine = fake_.paths();
        options_.slot_command = {std::filesystem::read_symlink("/proc/self/exe").string(), "slot"};
    }
    ~AgentMachineTest() override {
        agent_.reset();
        remove_tree(folder_);
    }
    void start() {
        auto agent = Agent::start(options_, server_);
        ASSERT_TRUE(agent.has_value()) << agent.error().message;
        agent_ = *std::move(agent);
    }
    // ctest bounds it.
    void wait_slots(int slots, int ready) const {
        while (agent_->status().slots != slots || agent_->status().slots_ready != ready) {
            std::this_thread::yield();
        }
    }
    void wait_registered(int slots) const {
        while (!server_->registration() || server_->registration()->slots != slots) {
            std::this_thread::yield();
        }
    }
    TestServer::Record run(const std::string& script, int64_t memory_bytes) {
        model::AssetSpec spec;
        spec.name = "orders";
        model::TimeWindows days;
        days.start = "2024-01-01";
        days.timezone = "UTC";
        spec.partitions.dimensions = {{"", days}};
        spec.run.argv = {"/bin/sh", "-c", script};
        model::Grant grant;
        grant.memory_bytes = memory_bytes;
        return server_->wait(server_->add(spec, 1, grant));
    }
    api::ExecutorHealth told() const {
        return server_->wait_health([](const auto& health) { return health.pid != 0; });
    }

    FakeCgroups fake_;
    std::string folder_;
    AgentOptions options_;
    std::shared_ptr<TestServer> server_ = std::make_shared<TestServer>();
    std::unique_ptr<Agent> agent_;
};

TEST_F(AgentMachineTest, TheKernelHoldsAPartitionToItsMemoryWhereItCan) {
    fake_.add_slot(0);
    start();
    // What the kernel does to a program that takes too much.
    const std::string events = fake_.path("servo-slot-0/memory.events");
    const auto full = run("sleep 600 & echo 'oom_kill 1' > " + events + "; kill -9 $$", 64 << 20);
    ASSERT_EQ(full.failed.size(), 1U);
    EXPECT_EQ(full.failed[0].klass, model::FailureClass::kResource);
    EXPECT_NE(full.failed[0].message.find("its limit of 64Mi"), std::string::npos)
        << full.failed[0].message;
    EXPECT_EQ(fake_.read("servo-slot-0/memory.max"), "67108864");
    EXPECT_EQ(fake_.read("servo-slot-0/cgroup.procs"), "0");
    EXPECT_EQ(fake_.read("servo-slot-0/cgroup.kill"), "1");  // for what it left

    const auto killed = run("kill -9 $$", 64 << 20);  // by somebody else
    ASSERT_EQ(killed.failed.size(), 1U);
    EXPECT_EQ(killed.failed[0].klass, model::FailureClass::kCrash);
    EXPECT_EQ(told().memory_limits_by, "cgroup");
    EXPECT_EQ(told().memory_limits_note, "");
}

TEST_F(AgentMachineTest, APartitionWithoutALimitStaysWhereItIs) {
    fake_.add_slot(0);
    start();
    EXPECT_EQ(run("exit 0", 0).done.size(), 1U);
    EXPECT_EQ(fake_.read("servo-slot-0/cgroup.procs"), "");
    EXPECT_EQ(fake_.read("servo-slot-0/memory.max"), "");
}

TEST_F(AgentMachineTest, ElseItIsWatchedAndTheReasonIsSaid) {
    fake_.write("cgroup.controllers", "cpu\n");
    start();
    const auto hog = run("head -c 4G /dev/zero | tail -n 1 > /dev/null", 32 << 20);
    ASSERT_EQ(hog.failed.size(), 1U);
    EXPECT_EQ(hog.failed[0].klass, model::FailureClass::kResource);
    EXPECT_EQ(told().memory_limits_by, "polling");
    EXPECT_NE(told().memory_limits_note.find("no memory controller"), std::string::npos);
}

TEST_F(AgentMachineTest, SlotsFollowALimitThatChanges) {
    if (usable_cpu_count() < 2) {
        GTEST_SKIP() << "needs two processors";
    }
    fake_.write("cpu.max", "100000 100000\n");
    options_.slots_follow_cpus = true;
    start();
    wait_slots(1, 1);
    fake_.write("cpu.max", "200000 100000\n");
    wait_slots(2, 2);
    wait_registered(2);
    fake_.write("cpu.max", "100000 100000\n");
    wait_slots(1, 1);
    wait_registered(1);
    EXPECT_EQ(run("exit 0", 0).done.size(), 1U);
    fake_.write("cpu.max", "max 100000\n");
    wait_slots(usable_cpu_count(), usable_cpu_count());
}

}  // namespace
}  // namespace servo::executor
