// What an executor with real processes says of itself: health, stuck slots, a loop that hangs.
// Slots are made to hang by freezing their processes.
#include <gtest/gtest.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "executor/agent.h"
#include "executor/attempt_dir.h"
#include "executor/probe.h"
#include "executor/process_tree.h"
#include "executor/test_server.h"

namespace servo::executor {
namespace {

using model::LeaseId;

model::AssetSpec script(const std::string& text) {
    model::AssetSpec spec;
    spec.name = "orders";
    model::TimeWindows days;
    days.start = "2024-01-01";
    days.timezone = "UTC";
    spec.partitions.dimensions = {{"", days}};
    spec.run.argv = {"/bin/sh", "-c", text};
    return spec;
}

// What was logged so far.
class Lines final : public spdlog::sinks::base_sink<std::mutex> {
 public:
    size_t count(const std::string& word) {
        const std::lock_guard lock(mutex_);
        size_t times = 0;
        for (size_t at = text_.find(word); at != std::string::npos; at = text_.find(word, at + 1)) {
            ++times;
        }
        return times;
    }

 private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        text_.append(message.payload.data(), message.payload.size()) += '\n';
    }
    void flush_() override {}
    std::string text_;
};

class AgentHealthTest : public ::testing::Test {
 protected:
    AgentHealthTest() {
        std::string name = ::testing::TempDir() + "servo-health-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        before_ = spdlog::default_logger();
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("health", lines_));
        options_.name = "exec-1";
        options_.state_dir = folder_ + "/state";
        options_.kill_grace = Millis(50);
        options_.health_every = Millis(20);
        options_.slot_command = {std::filesystem::read_symlink("/proc/self/exe").string(), "slot"};
    }
    ~AgentHealthTest() override {
        agent_.reset();
        spdlog::set_default_logger(before_);
        remove_tree(folder_);
    }
    void start() {
        auto agent = Agent::start(options_, server_);
        ASSERT_TRUE(agent.has_value()) << agent.error().message;
        agent_ = *std::move(agent);
        wait_status([](const AgentStatus& status) { return status.slots_ready == 1; });
    }
    // The one slot's process.
    static pid_t slot_process() {
        const std::vector<ProcessInfo> all = descendants(::getpid());
        EXPECT_FALSE(all.empty());
        return all.empty() ? 0 : all.front().pid;
    }
    // ctest bounds it.
    void wait_status(const std::function<bool(const AgentStatus&)>& fits) const {
        while (!fits(agent_->status())) {
            std::this_thread::yield();
        }
    }
    void wait_stuck() const {
        wait_status([](const AgentStatus& status) { return status.slots_stuck == 1; });
    }
    void wait_not_stuck() const {
        wait_status([](const AgentStatus& status) { return status.slots_stuck == 0; });
    }
    api::ExecutorHealth wait_told(const std::string& reason) const {
        return server_->wait_health([&](const api::ExecutorHealth& health) {
            return !health.stuck.empty() && health.stuck.front().reason == reason;
        });
    }
    // How often the log says it, at the end of the agent.
    size_t said(const std::string& word) {
        agent_.reset();
        return lines_->count(word);
    }

    std::shared_ptr<Lines> lines_ = std::make_shared<Lines>();
    std::shared_ptr<spdlog::logger> before_;
    std::string folder_;
    AgentOptions options_;
    std::shared_ptr<TestServer> server_ = std::make_shared<TestServer>();
    std::unique_ptr<Agent> agent_;
};

TEST_F(AgentHealthTest, ItTellsHowItsMachineDoes) {
    start();
    const auto health =
        server_->wait_health([](const auto& told) { return told.cpu_share.has_value(); });
    EXPECT_EQ(health.pid, ::getpid());
    EXPECT_GT(health.cpus, 0);
    EXPECT_GT(health.memory_limit_bytes.value_or(0), health.memory_bytes.value_or(0));
    EXPECT_GT(health.disk_free_bytes.value_or(0), 0);
    EXPECT_EQ(health.stuck_slots, 0);
    EXPECT_TRUE(health.errors.empty());
}

TEST_F(AgentHealthTest, ItTellsWhatWentWrong) {
    start();
    ::kill(slot_process(), SIGKILL);
    const auto health = server_->wait_health([](const auto& told) { return !told.errors.empty(); });
    EXPECT_EQ(health.errors.front().message, "slot 0: its process is gone; another one is started");
}

TEST_F(AgentHealthTest, HealthyWorkAndFailuresSayNeitherWord) {
    start();
    const LeaseId lease = server_->add(script("exit 0"), 30);
    EXPECT_EQ(server_->wait(lease).done.size(), 30U);
    const LeaseId bad = server_->add(script("exit 3"), 1);
    EXPECT_EQ(server_->wait(bad).failed.size(), 1U);
    EXPECT_EQ(said("stuck"), 0U);
    EXPECT_EQ(said("timeout"), 0U);
}

TEST_F(AgentHealthTest, ATimeoutThatEndsItsPartitionIsSaidAsThat) {
    start();
    model::Grant grant;
    grant.timeout = Millis(100);
    EXPECT_EQ(server_->wait(server_->add(script("sleep 1000"), 1, grant)).failed.size(), 1U);
    EXPECT_EQ(said("stuck"), 0U);
    EXPECT_GE(said("timeout"), 1U);
}

TEST_F(AgentHealthTest, PastItsTimeoutASlotIsStuckUntilItEnds) {
    options_.stuck_beyond = Millis(100);
    options_.stuck_say_every = Millis(1);
    start();
    model::Grant grant;
    grant.timeout = Millis(5'000);
    const pid_t slot = slot_process();
    const LeaseId lease = server_->add(script("sleep 1000"), 1, grant);
    ASSERT_TRUE(server_->wait_started(lease, 1));
    ::kill(slot, SIGSTOP);
    wait_stuck();
    EXPECT_EQ(wait_told("timeout").stuck_slots, 1);
    while (lines_->count("is past its timeout of 5.0s and does not end") < 2) {
        std::this_thread::yield();  // it is said again and again
    }
    ::kill(slot, SIGCONT);
    EXPECT_EQ(server_->wait(lease).failed.at(0).klass, model::FailureClass::kTimeout);
    wait_not_stuck();
    EXPECT_GE(said("is past its timeout of 5.0s and does not end"), 2U);
}

TEST_F(AgentHealthTest, WhatIsKilledAndDoesNotEndIsStuck) {
    options_.stuck_beyond = Millis(100);
    start();
    const pid_t slot = slot_process();
    const LeaseId lease = server_->add(script("sleep 1000"), 1);
    ASSERT_TRUE(server_->wait_started(lease, 1));
    ::kill(slot, SIGSTOP);
    server_->control(lease, model::LeaseAction::kStop);
    wait_stuck();
    EXPECT_FALSE(wait_told("killed").stuck.front().backfill_id.empty());
    ::kill(slot, SIGCONT);
    server_->wait(lease);
    wait_not_stuck();
    server_->wait_health([](const auto& health) { return health.stuck_slots == 0; });
    EXPECT_GE(said("was killed and does not end"), 1U);
    EXPECT_EQ(said("timeout"), 0U);
}

// As by a program that stops the process that runs it.
TEST_F(AgentHealthTest, AStoppedSlotIsKilledAndAnotherOneStarted) {
    options_.stuck_beyond = Millis(100);
    options_.stuck_kept = Millis(100);
    start();
    model::Grant grant;
    grant.timeout = Millis(1'000);
    const pid_t slot = slot_process();
    const LeaseId lease = server_->add(script("kill -STOP $PPID; sleep 1000"), 1, grant);
    const model::FailedResult failed = server_->wait(lease).failed.at(0);
    EXPECT_EQ(failed.klass, model::FailureClass::kLost);
    EXPECT_TRUE(failed.slot_died);
    EXPECT_NE(failed.message.find("did not react"), std::string::npos) << failed.message;
    EXPECT_EQ(server_->wait(server_->add(script("exit 0"), 1)).done.size(), 1U);
    EXPECT_NE(slot_process(), slot);
    EXPECT_EQ(said("does not react and is killed"), 1U);
}

TEST_F(AgentHealthTest, FarBeyondTheUsualDurationASlotMakesNoProgress) {
    options_.stuck_floor = Millis(3'000);
    start();
    const LeaseId lease =
        server_->add(script("case $SERVO_PARTITION_KEY in 2024-01-30) sleep 1000 ;; esac"), 30);
    wait_stuck();
    wait_told("no_progress");
    server_->control(lease, model::LeaseAction::kStop);
    EXPECT_EQ(server_->wait(lease).done.size(), 29U);
    wait_not_stuck();
    EXPECT_GE(said("and 99 of 100 take no more than"), 1U);
    EXPECT_EQ(said("timeout"), 0U);
}

TEST_F(AgentHealthTest, ALoopThatHangsIsSeenAndSeenToRecover) {
    constexpr Millis kHung{2'000};
    start();
    std::promise<void> release;
    // Live logs are sent from the loop's thread: there it hangs.
    server_->before_logs([&] { release.get_future().wait(); });
    server_->watch(LeaseId(1));
    while (liveness(agent_->since_last_turn(), kHung).good) {
        std::this_thread::yield();
    }
    EXPECT_GT(agent_->since_last_turn(), kHung);
    release.set_value();
    while (!liveness(agent_->since_last_turn(), kHung).good) {
        std::this_thread::yield();
    }
}

}  // namespace
}  // namespace servo::executor
