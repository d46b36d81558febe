// The servers of a run behind one address: restarts dead ones, lets a standby take over, and hands
// each request to a server that lives. Single-threaded.
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

    // Starts the first server, and from then on one again whenever none lives.
    void start();

    // Sends `command` over the network from `place`; `answer` is called at most once for each copy
    // that arrives, over the network too.
    void request(
        const std::string& place,
        const core::Command& command,
        Answer answer,
        std::optional<engine::Idempotency> idempotency = std::nullopt
    );

    // The server that answers now; null when there is none.
    ServerNode* front();
    void crash(CrashPoint point);
    void stall(Micros duration);
    // The front server stands still for `duration` while another takes over.
    void take_over(Micros duration);
    // One leader is enough: who is deposed leaves.
    void heal();
    void step_wall_clock(Millis by) { wall_offset_ += by; }
    void on_load(ServerNode::LoadHook hook) { on_load_ = std::move(hook); }
    int living() const;

 private:
    void add_server();
    void watch();

    World& world_;
    Network& network_;
    std::vector<std::unique_ptr<ServerNode>> servers_;
    ServerNode::LoadHook on_load_;
    Millis wall_offset_{0};
    int next_number_ = 1;
    bool restarting_ = false;
};

}  // namespace servo::sim
