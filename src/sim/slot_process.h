// The process of one slot on a simulated machine: its clock, its pipe to the agent, its end.
// Private to executor_life.cc.
#pragma once

#include <memory>
#include <utility>

#include "sim/executor_life.h"

namespace servo::sim {

class ExecutorNode::Life::Process final
    : public SlotHost,
      public std::enable_shared_from_this<ExecutorNode::Life::Process> {
 public:
    // Processes that follow each other in a slot share `retired`, until the keeper ends the slot.
    Process(Life& life, std::shared_ptr<Life> keep, int number, std::shared_ptr<bool> retired)
        : life_(life),
          number_(number),
          retired_(std::move(retired)),
          slot_(life.world_, life.node_.programs_, *this) {
        life_weak_ = keep;
    }

    executor::BootTime boot() const override { return life_.boot(); }
    Instant wall() const override { return life_.wall(); }

    void later(Micros delay, std::function<void()> action) override {
        if (delay == Micros::max()) {
            return;
        }
        life_.world_.queue.after(
            life_.true_time(delay),
            [self = shared_from_this(), action = std::move(action)] {
                if (const auto life = self->life_weak_.lock()) {
                    life->machine([self, action] {
                        if (self->alive_) {
                            action();
                        }
                    });
                }
            }
        );
    }

    void tell(executor::SlotEvent event) override {
        life_.world_.plant.on_slot_event(event);
        pass_on(std::move(event));
    }

    // In order, also when the process dies behind it.
    void pass_on(executor::SlotEvent event) {
        life_.world_.queue.after(
            life_.pipe_delay_,
            [self = shared_from_this(), event = std::move(event)] {
                if (const auto life = self->life_weak_.lock()) {
                    life->agent([self, event] {
                        if (*self->retired_) {
                            return;
                        }
                        self->life_.keeper_->on_slot_event(
                            self->number_, event, self->life_.boot()
                        );
                    });
                }
            }
        );
    }

    void poisoned() override {
        life_.world_.mark("partition kills its executor");
        life_.world_.queue.after(Micros(1), [self = shared_from_this()] {
            if (const auto life = self->life_weak_.lock(); life && life->alive()) {
                life->node_.ended(*life, "is killed by a partition", Micros(1'500'000));
            }
        });
    }

    void die() {
        alive_ = false;
        slot_.vanish();
    }
    // The agent has closed its pipe.
    void retire() {
        *retired_ = true;
        die();
    }
    bool alive() const { return alive_; }
    bool retired() const { return *retired_; }
    const std::shared_ptr<bool>& use() const { return retired_; }
    Slot& slot() { return slot_; }

 private:
    Life& life_;
    std::weak_ptr<Life> life_weak_;
    int number_;
    std::shared_ptr<bool> retired_;
    bool alive_ = true;
    Slot slot_;
};

}  // namespace servo::sim
