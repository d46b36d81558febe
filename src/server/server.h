// The server: HTTP listener, workers, and the handlers on top of a running engine loop. start() and
// stop() from one thread. Stop it before the loop, so that no request is left without an answer.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "server/access.h"
#include "server/backend.h"
#include "server/dispatcher.h"
#include "server/forecasts.h"
#include "server/http_meter.h"
#include "server/listener.h"
#include "server/pool_steps.h"
#include "server/standby.h"
#include "server/token_book.h"
#include "server/workers.h"

namespace servo::server {

struct ServerOptions {
    ListenerOptions listener;
    size_t worker_threads = 4;
    std::string admin_token;     // empty: everyone who reaches the listener is an admin
    std::string executor_token;  // empty: executors use the admin token
    std::string process_token;   // empty: nothing in this process calls it
    bool insecure = false;       // allow a reachable address without a token or TLS
    size_t body_max = 1024 * 1024;
    size_t submit_max = 16 * 1024 * 1024;  // of routes that take a large body
    std::string version = "dev";
    std::map<std::string, std::string> contacts;  // by team
    StoreHooks hooks;
    RecordBook::Source definitions;  // as stored; empty: a standby answers nothing by itself
    Peers peers;                     // the other servers on the same store
};

AccessOptions access_of(const ServerOptions& options);

class Server {
 public:
    // `loop` (started) and `archive` outlive the server.
    Server(ServerOptions options, engine::Loop& loop, store::Archive& archive);
    ~Server();  // stops
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Errors: failed_precondition / "insecure_listen", "port_in_use", "cannot_listen".
    Status start();
    void stop();
    // The port that was bound; after start().
    int port() const;
    Backend& backend() { return backend_; }
    TokenBook& tokens() { return tokens_; }
    const HttpMeter& http_meter() const { return http_meter_; }
    const ServerOptions& options() const { return options_; }

 private:
    ServerOptions options_;
    Backend backend_;
    RecordBook record_;
    Backend of_record_;  // what a standby answers from
    Forecasts forecasts_;
    PoolStepper stepper_;
    TokenBook tokens_;
    Workers workers_;
    Standby standby_;
    HttpMeter http_meter_;
    Dispatcher dispatcher_;
    Listener listener_;
};

}  // namespace servo::server
