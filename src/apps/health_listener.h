// The executor's own listener for whoever watches over it: /livez is red when the executor's loop
// hangs, /readyz while it takes no work, /metrics is for Prometheus. start and destruction from one
// thread.
#pragma once

#include <memory>

#include "config/options.h"
#include "executor/agent.h"
#include "server/listener.h"

namespace servo::apps {

class HealthListener {
 public:
    // `agent` outlives it; `disk` is a folder on its disk. Null when the option health_listen is
    // "off". Errors: those of server::Listener::start.
    static Result<std::unique_ptr<HealthListener>> start(
        const config::Options& options, const executor::Agent& agent, std::string disk
    );
    // "http://127.0.0.1:7421"
    std::string url() const;

 private:
    HealthListener(const config::Address& address, const executor::Agent& agent, std::string disk);
    server::Response answer(const server::Request& request);

    const executor::Agent& agent_;
    executor::Machine machine_;  // of the listener's thread
    std::string host_;
    server::Listener listener_;
};

}  // namespace servo::apps
