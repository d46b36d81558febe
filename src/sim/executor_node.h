// An executor on its machine: the real keeper over simulated slots, with lives that end in crashes,
// pauses of the process, freezes of the machine, and a clock that may drift. Single-threaded.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/cluster.h"
#include "sim/programs.h"

namespace servo::sim {

enum class Children { kDieToo, kLiveOn };

class ExecutorNode {
 public:
    struct Spec {
        std::string name;
        int slots = 1;
        std::map<std::string, std::string> labels;
        int clock_per_mille = 1'000;  // its clock's rate
        Millis wall_offset{0};
    };

    ExecutorNode(World& world, Cluster& cluster, Programs& programs, Spec spec);
    ~ExecutorNode();

    void start();  // a new life, with a new session
    void crash(Children children);
    void pause(Micros duration);   // the process; its slots run on
    void freeze(Micros duration);  // the machine
    void drain();                  // ends this life gracefully
    void lose_slot();
    void set_slots(int slots);
    // Ends pauses and starts it if it is not alive.
    void heal();

    bool alive() const;
    const std::string& name() const { return spec_.name; }
    const Spec& spec() const { return spec_; }

    class Life;

 private:
    friend class Life;
    void ended(Life& life, const char* why, Micros restart_after);

    World& world_;
    Cluster& cluster_;
    Programs& programs_;
    Spec spec_;
    std::shared_ptr<Life> life_;
    std::vector<std::shared_ptr<Life>> earlier_;  // their children may live on
    bool knows_children_gone_ = true;
    Micros orphans_until_{0};  // the stop time of the last children left behind
    int lives_ = 0;
};

}  // namespace servo::sim
