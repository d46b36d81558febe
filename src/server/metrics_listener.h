// `/metrics` on a listener of its own, so that a scrape shares neither address nor threads with the
// API. Beyond loopback it is guarded as the API is: TLS, and a token that may read metrics. start()
// and stop() from one thread.
#pragma once

#include "server/listener.h"
#include "server/server.h"
#include "server/workers.h"

namespace servo::server {

constexpr size_t kMetricsConnectionsMax = 64;

class MetricsListener {
 public:
    // `server` (started) outlives it.
    MetricsListener(std::string address, uint16_t port, Server& server);
    ~MetricsListener();  // stops

    // Errors: failed_precondition / "insecure_listen", those of Listener::start.
    Status start();
    void stop();
    int port() const { return listener_.port(); }

 private:
    void handle(const Request& request, std::shared_ptr<Responder> responder);

    Server& server_;
    AccessOptions access_;
    Workers workers_{1};  // one scrape at a time
    Listener listener_;
};

}  // namespace servo::server
