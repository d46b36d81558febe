#include "sim/executor_life.h"

#include <algorithm>

#include "sim/slot_process.h"

namespace servo::sim {
namespace {

constexpr Micros kPipeDelay{200};
constexpr Micros kPipeDelayMost{30'000};
constexpr Micros kSlotStarts{200'000};

}  // namespace

ExecutorNode::Life::Life(ExecutorNode& node, int number, bool previous_gone)
    : node_(node), world_(node.world_), number_(number) {
    if (world_.prng.chance(1, 3)) {
        pipe_delay_ = world_.between(kPipeDelay, kPipeDelayMost);  // a busy machine
    } else {
        pipe_delay_ = kPipeDelay;
    }
    executor::KeeperOptions options;
    options.executor = node.spec_.name;
    options.session = SessionId(static_cast<int64_t>(world_.prng.next() >> 1) | 1);
    options.slots = node.spec_.slots;
    options.labels = node.spec_.labels;
    options.build = "sim";
    options.host = node.spec_.name;
    options.pid = number;
    options.previous_gone = previous_gone;
    options.seed = world_.prng.next();
    options.drain_timeout = Millis(20'000);
    keeper_ = std::make_unique<executor::Keeper>(options, boot());
    world_.note(
        "{} starts, session {}{}",
        node.spec_.name,
        options.session.value,
        previous_gone ? "" : ", children of before may live"
    );
}

void ExecutorNode::Life::begin() {
    agent_alive_ = true;
    slots_alive_ = true;
    processes_.resize(static_cast<size_t>(node_.spec_.slots));
    for (int slot = 0; slot < node_.spec_.slots; ++slot) {
        add_process(slot);
    }
    settle();
}

void ExecutorNode::Life::add_process(int slot) {
    std::shared_ptr<Process>& place = processes_[static_cast<size_t>(slot)];
    const bool goes_on = place && !place->retired();
    auto process = std::make_shared<Process>(
        *this, shared_from_this(), slot, goes_on ? place->use() : std::make_shared<bool>(false)
    );
    place = process;
    process->pass_on(executor::SlotReady{});
}

void ExecutorNode::Life::end(Children children) {
    agent_alive_ = false;
    open_requests_.clear();
    if (children == Children::kDieToo) {
        slots_alive_ = false;
        for (const auto& process : processes_) {
            process->die();
        }
    }
}

executor::BootTime ExecutorNode::Life::boot() const {
    return std::chrono::duration_cast<Millis>(world_.now() * node_.spec_.clock_per_mille / 1'000);
}

Instant ExecutorNode::Life::wall() const {
    return world_.true_wall() + node_.spec_.wall_offset;
}

Micros ExecutorNode::Life::true_time(Micros own) const {
    return own * 1'000 / node_.spec_.clock_per_mille + Micros(1);
}

// --- who may run -----------------------------------------------------------------------------

void ExecutorNode::Life::agent(std::function<void()> action) {
    if (!agent_alive_) {
        return;
    }
    if (world_.now() < std::max(paused_until_, frozen_until_)) {
        deferred_.emplace_back(true, std::move(action));
        return;
    }
    action();
    settle();
}

void ExecutorNode::Life::machine(std::function<void()> action) {
    if (!slots_alive_) {
        return;
    }
    if (world_.now() < frozen_until_) {
        deferred_.emplace_back(false, std::move(action));
        return;
    }
    action();
}

void ExecutorNode::Life::pause(Micros until) {
    paused_until_ = until;
    world_.queue.at(until, [self = shared_from_this()] { self->run_deferred(); });
}

void ExecutorNode::Life::freeze(Micros until) {
    frozen_until_ = until;
    world_.queue.at(until, [self = shared_from_this()] { self->run_deferred(); });
}

void ExecutorNode::Life::thaw() {
    paused_until_ = frozen_until_ = Micros(0);
    run_deferred();
}

void ExecutorNode::Life::run_deferred() {
    std::deque<std::pair<bool, std::function<void()>>> waiting;
    waiting.swap(deferred_);
    for (auto& [of_agent, action] : waiting) {
        if (of_agent) {
            agent(std::move(action));
        } else {
            machine(std::move(action));
        }
    }
    agent([this] { keeper_->on_time(boot()); });
}

// --- the agent -------------------------------------------------------------------------------

void ExecutorNode::Life::settle() {
    if (settling_) {
        return;
    }
    settling_ = true;
    while (agent_alive_) {
        std::vector<executor::Action> actions = keeper_->take_actions();
        if (actions.empty()) {
            break;
        }
        for (executor::Action& action : actions) {
            if (agent_alive_ && world_.plant.on_action(action)) {
                act(action);
            }
        }
    }
    settling_ = false;
    set_timer();
}

void ExecutorNode::Life::set_timer() {
    if (!agent_alive_) {
        return;
    }
    const executor::BootTime due = keeper_->next_due();
    if (due == executor::BootTime::max()) {
        return;
    }
    const Micros delay =
        true_time(std::max(Micros(1'000), std::chrono::duration_cast<Micros>(due - boot())));
    world_.queue.after(delay, [self = shared_from_this(), number = ++timer_] {
        if (number == self->timer_) {
            self->agent([self] { self->keeper_->on_time(self->boot()); });
        }
    });
}

void ExecutorNode::Life::to_slot(int slot, std::function<void(Slot&)> action) {
    const std::shared_ptr<Process> process = processes_.at(static_cast<size_t>(slot));
    world_.queue.after(
        pipe_delay_,
        [self = shared_from_this(), process, action = std::move(action)] {
            self->machine([process, action] {
                if (process->alive()) {
                    action(process->slot());
                }
            });
        }
    );
}

void ExecutorNode::Life::act(executor::Action& action) {
    if (const auto* join = std::get_if<executor::SendRegister>(&action)) {
        send(*join);
    } else if (const auto* call = std::get_if<executor::SendCall>(&action)) {
        send(*call);
    } else if (const auto* feed = std::get_if<executor::FeedSlot>(&action)) {
        to_slot(feed->slot, [feed = *feed](Slot& slot) {
            slot.feed(feed.first_position, feed.grant, feed.definition);
        });
    } else if (const auto* trim = std::get_if<executor::TrimSlot>(&action)) {
        to_slot(trim->slot, [trim = *trim](Slot& slot) { slot.trim(trim.lease, trim.size); });
    } else if (const auto* resume = std::get_if<executor::ResumeSlot>(&action)) {
        to_slot(resume->slot, [lease = resume->lease](Slot& slot) { slot.resume(lease); });
    } else if (const auto* kill = std::get_if<executor::KillSlot>(&action)) {
        to_slot(kill->slot, [lease = kill->lease](Slot& slot) { slot.kill(lease); });
    } else if (const auto* stop = std::get_if<executor::SetStopTime>(&action)) {
        for (size_t slot = 0; slot < processes_.size(); ++slot) {
            to_slot(static_cast<int>(slot), [at = stop->at](Slot& s) { s.set_stop_time(at); });
        }
    } else if (const auto* retired = std::get_if<executor::EndSlot>(&action)) {
        processes_.at(static_cast<size_t>(retired->slot))->retire();
    } else if (const auto* up = std::get_if<executor::GiveUp>(&action)) {
        world_.findings.report(
            "protocol",
            fmt::format(
                "{} gives up: {} ({})", node_.spec_.name, up->error.message, up->error.reason
            )
        );
    } else if (std::holds_alternative<executor::Drained>(action)) {
        world_.mark("executor drained");
        world_.queue.after(Micros(1), [self = shared_from_this()] {
            if (self->alive()) {
                self->node_.ended(
                    *self, "has drained", self->world_.between(Micros(0), Micros(10'000'000))
                );
            }
        });
    }
}

// --- the wire --------------------------------------------------------------------------------

void ExecutorNode::Life::request(
    const core::Command& command, Millis timeout, std::function<void(Result<core::Reply>)> done
) {
    const uint64_t id = next_request_++;
    open_requests_.insert(id);
    auto finish = [self = shared_from_this(), id, done](const Result<core::Reply>& reply) {
        self->agent([self, id, done, reply] {
            if (self->open_requests_.erase(id) > 0) {
                done(reply);
            }
        });
    };
    world_.queue.after(true_time(timeout), [finish] {
        finish(tl::unexpected<Error>(Error{
            ErrorCode::kDeadlineExceeded, "timeout", "no answer in time", {}, 0}));
    });
    node_.cluster_.request(node_.spec_.name, command, finish);
}

void ExecutorNode::Life::send(const executor::SendRegister& action) {
    request(
        core::RegisterExecutor{*action.request},
        action.timeout,
        [this](const Result<core::Reply>& reply) {
            if (reply.has_value()) {
                keeper_->on_register_reply(std::get<RegisterReply>(*reply), boot());
            } else {
                keeper_->on_register_reply(tl::unexpected<Error>(reply.error()), boot());
            }
        }
    );
}

void ExecutorNode::Life::send(const executor::SendCall& action) {
    const CallKind kind = action.request->kind;
    const int64_t number = action.request->call;
    request(
        core::ExecutorCall{*action.request},
        action.timeout,
        [this, kind, number](const Result<core::Reply>& reply) {
            if (reply.has_value()) {
                keeper_->on_call_reply(kind, number, std::get<CallReply>(*reply), boot());
            } else {
                world_.note("{} call {} fails: {}", node_.spec_.name, number, reply.error().reason);
                keeper_->on_call_reply(kind, number, tl::unexpected<Error>(reply.error()), boot());
            }
        }
    );
}

void ExecutorNode::Life::drain() {
    agent([this] { keeper_->drain(boot()); });
}

void ExecutorNode::Life::lose_slot() {
    const auto slot = static_cast<int>(world_.prng.below(processes_.size()));
    const std::shared_ptr<Process> process = processes_[static_cast<size_t>(slot)];
    if (!process->alive()) {
        return;
    }
    world_.note("{} loses slot {}", node_.spec_.name, slot);
    process->die();
    process->pass_on(executor::SlotLost{wall()});
    world_.queue.after(kSlotStarts, [self = shared_from_this(), slot, process] {
        const bool still_its = self->processes_[static_cast<size_t>(slot)] == process;
        if (self->agent_alive_ && still_its && !process->retired()) {
            self->add_process(slot);
        }
    });
}

void ExecutorNode::Life::set_slots(int slots) {
    agent([this, slots] {
        const auto wanted = static_cast<size_t>(slots);
        processes_.resize(std::max(processes_.size(), wanted));
        keeper_->set_slots(slots, boot());
        for (size_t slot = 0; slot < wanted; ++slot) {
            if (!processes_[slot] || processes_[slot]->retired()) {
                add_process(static_cast<int>(slot));
            }
        }
    });
}

}  // namespace servo::sim
