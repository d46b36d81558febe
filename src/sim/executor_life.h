// One life of an executor process: from its start to its end. Private to executor_node.cc and
// executor_life.cc.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "sim/executor_node.h"
#include "sim/slot.h"

namespace servo::sim {

class ExecutorNode::Life : public std::enable_shared_from_this<ExecutorNode::Life> {
 public:
    Life(ExecutorNode& node, int number, bool previous_gone);

    void begin();
    void end(Children children);
    void pause(Micros until);
    void freeze(Micros until);
    void drain();
    void lose_slot();
    void set_slots(int slots);
    void thaw();

    bool alive() const { return agent_alive_; }
    executor::BootTime boot() const;
    Instant wall() const;
    // How long `own` on this machine's clock is in the world.
    Micros true_time(Micros own) const;

 private:
    class Process;  // of a slot

    // Runs `action` in the agent: now, or when it is not paused any more, or never.
    void agent(std::function<void()> action);
    // The same for what is of the machine, but not of the agent's process.
    void machine(std::function<void()> action);
    void settle();
    void act(executor::Action& action);
    void to_slot(int slot, std::function<void(Slot&)> action);
    void add_process(int slot);
    void request(
        const core::Command& command, Millis timeout, std::function<void(Result<core::Reply>)> done
    );
    void send(const executor::SendRegister& action);
    void send(const executor::SendCall& action);
    void set_timer();
    void run_deferred();

    ExecutorNode& node_;
    World& world_;
    int number_;
    Micros pipe_delay_{0};  // between the agent and its slots
    bool agent_alive_ = false;
    bool slots_alive_ = false;
    Micros paused_until_{0};
    Micros frozen_until_{0};
    std::deque<std::pair<bool, std::function<void()>>> deferred_;  // of the agent?, action
    std::unique_ptr<executor::Keeper> keeper_;
    std::vector<std::shared_ptr<Process>> processes_;
    uint64_t next_request_ = 1;
    std::set<uint64_t> open_requests_;
    uint64_t timer_ = 0;
    bool settling_ = false;
};

}  // namespace servo::sim
