// The servers of a run behind one address: restarts dead ones, brings word of their end to the
// standbys, and hands each request to a server that lives. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/network.h"
#include "sim/server_node.h"

namespace servo::sim {

using Answer = std::function<void(Result<core::Reply>)>;

class Cluster {
 public:
    Cluster(World& world, Network& network) : world_(world), network_(network) {}

    // Starts the servers, and from then on one again whenever one is missing.
    void start();

    // Sends `command` over the network from `place`; `answer` is called at most once for each copy
    // that arrives, over the network too.
    void request(
        const std::string& place,
        const core::Command& command,
        Answer answer,
        std::optional<engine::Idempotency> idempotency = std::nullopt
    );

    // The server that a request reaches now; null when there is none.
    ServerNode* front();
    // The one with the newest epoch that leads; null when none does.
    ServerNode* leader();
    void crash(CrashPoint point);
    void stall(Micros duration);
    // The front server stands still for `duration` while another is told that it is gone.
    void take_over(Micros duration);
    // The front server ends cleanly.
    void hand_over();
    void step_wall_clock(Millis by) { wall_offset_ += by; }
    void on_load(ServerNode::LoadHook hook) { on_load_ = std::move(hook); }
    int living() const;

 private:
    void add_server();
    void watch();
    void bring_word();

    World& world_;
    Network& network_;
    std::vector<std::unique_ptr<ServerNode>> servers_;
    ServerNode::LoadHook on_load_;
    Millis wall_offset_{0};
    int next_number_ = 1;
    bool restarting_ = false;
    int64_t judged_epoch_ = 0;  // whether its leader's end is heard of was drawn
    bool heard_of_ = false;
};

}  // namespace servo::sim
