// A server in this process: store, engine loop, HTTP listener. Used from one thread.
#pragma once

#include <memory>
#include <string>

#include "apps/open_store.h"
#include "apps/tracing.h"
#include "base/result.h"
#include "cli/processes.h"
#include "config/options.h"
#include "engine/loop.h"
#include "server/metrics_listener.h"
#include "server/server.h"

namespace servo::apps {

class Node {
 public:
    // Opens the store and runs the engine, which leads or stands by. Errors: those of open_store
    // and of the engine's start.
    static Result<std::unique_ptr<Node>> open(
        const cli::Session& session, const cli::ProcessRequest& request, const std::string& role
    );
    ~Node();  // closes the listener, answers what is queued, closes the store cleanly
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // Errors: those of Server::start. One listener at a time.
    // `process_token`: what callers within this process show; empty = there are none.
    Status listen(
        const config::Address& address,
        const cli::ProcessRequest& request,
        const std::string& process_token = ""
    );
    void close_listener();
    // Exports metrics from here on; while listening. Errors: those of MetricsListener::start.
    Status export_metrics(const config::Address& address);
    // "http://127.0.0.1:7420"; while listening.
    const std::string& url() const { return url_; }
    // The store's place, for people.
    const std::string& store_shown() const { return store_.shown; }

 private:
    Node(AnyStore store, store::Candidate self);

    std::unique_ptr<trace::Exporter> exporter_;  // null: off; outlives the engine
    AnyStore store_;
    store::Candidate self_;
    engine::Engine engine_;
    engine::Loop loop_;
    std::unique_ptr<server::Server> server_;
    std::unique_ptr<server::MetricsListener> metrics_;  // before the server goes
    std::string url_;
};

}  // namespace servo::apps
