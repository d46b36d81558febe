// `/metrics` on a listener of its own, so that a scrape shares neither address nor threads with the
// API. start() and stop() from one thread.
#pragma once

#include "server/access.h"
#include "server/backend.h"
#include "server/listener.h"
#include "server/workers.h"

namespace servo::server {

constexpr size_t kMetricsConnectionsMax = 64;

class MetricsListener {
 public:
    // `backend` outlives it.
    MetricsListener(std::string address, uint16_t port, Backend& backend);
    ~MetricsListener();  // stops

    // Errors: those of Listener::start.
    Status start();
    void stop();
    int port() const { return listener_.port(); }

 private:
    void handle(const Request& request, std::shared_ptr<Responder> responder);

    Backend& backend_;
    Workers workers_{1};  // one scrape at a time
    Listener listener_;
};

}  // namespace servo::server
