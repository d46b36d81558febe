#include "sim/executor_node.h"

#include "sim/executor_life.h"

namespace servo::sim {

ExecutorNode::ExecutorNode(World& world, Cluster& cluster, Programs& programs, Spec spec)
    : world_(world), cluster_(cluster), programs_(programs), spec_(std::move(spec)) {}

ExecutorNode::~ExecutorNode() = default;

bool ExecutorNode::alive() const {
    return life_ && life_->alive();
}

void ExecutorNode::start() {
    if (alive()) {
        return;
    }
    if (life_) {
        earlier_.push_back(std::move(life_));
    }
    const bool gone = knows_children_gone_ && world_.now() >= orphans_until_;
    life_ = std::make_shared<Life>(*this, ++lives_, gone);
    life_->begin();
}

void ExecutorNode::ended(Life& life, const char* why, Micros restart_after) {
    world_.note("{} {}", spec_.name, why);
    life.end(Children::kDieToo);
    knows_children_gone_ = true;
    world_.queue.after(restart_after, [this] { start(); });
}

void ExecutorNode::crash(Children children) {
    if (!alive()) {
        return;
    }
    world_.note("{} crashes{}", spec_.name, children == Children::kLiveOn ? ", children live" : "");
    life_->end(children);
    // A new life knows that all children are gone, or does not.
    knows_children_gone_ = world_.prng.chance(3, 4);
    if (children == Children::kLiveOn) {
        orphans_until_ = world_.now() + Micros(kLeaseTtl);
    }
    world_.queue.after(world_.between(Micros(50'000), Micros(15'000'000)), [this] { start(); });
}

void ExecutorNode::pause(Micros duration) {
    if (alive()) {
        world_.note("{} is paused for {} ms", spec_.name, duration.count() / 1'000);
        life_->pause(world_.now() + duration);
    }
}

void ExecutorNode::freeze(Micros duration) {
    if (alive()) {
        world_.note("{}'s machine freezes for {} ms", spec_.name, duration.count() / 1'000);
        world_.clocks_agree = false;
        life_->freeze(world_.now() + duration);
    }
}

void ExecutorNode::drain() {
    if (alive()) {
        world_.note("{} drains", spec_.name);
        life_->drain();
    }
}

void ExecutorNode::lose_slot() {
    if (alive()) {
        life_->lose_slot();
    }
}

void ExecutorNode::set_slots(int slots) {
    if (alive()) {
        world_.note("{} has {} slots now", spec_.name, slots);
        life_->set_slots(slots);
    }
}

void ExecutorNode::heal() {
    if (alive()) {
        life_->thaw();
    } else {
        start();
    }
}

}  // namespace servo::sim
