// A server in this process: SQLite store, engine loop, HTTP listener. Used from one thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/processes.h"
#include "config/options.h"
#include "engine/loop.h"
#include "server/server.h"
#include "store/sqlite/sqlite_store.h"

namespace servo::apps {

constexpr const char* kStoreFile = "servo.db";

std::string store_path(const std::string& data_dir);
std::string host_name();

class Node {
 public:
    // Opens the store, takes leadership and runs the engine. Errors: those of open_sqlite and of
    // the engine's start.
    static Result<std::unique_ptr<Node>> open(const config::Options& options);
    ~Node();  // closes the listener, answers what is queued, closes the store cleanly
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // Errors: those of Server::start. One listener at a time.
    Status listen(const config::Address& address, const cli::ProcessRequest& request);
    void close_listener();
    // "http://127.0.0.1:7420"; while listening.
    std::string url() const;

 private:
    Node(store::OpenedStore store, std::string path);

    std::string path_;
    store::OpenedStore store_;
    engine::Engine engine_;
    engine::Loop loop_;
    std::unique_ptr<server::Server> server_;
    std::string host_;  // of the listener
};

}  // namespace servo::apps
