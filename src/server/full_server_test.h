// A whole server over the memory store for tests: engine, loop, listener on a free port, and an
// executor that speaks the protocol by hand.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>

#include "api/json.h"
#include "engine/loop.h"
#include "server/http_client_test.h"
#include "server/server.h"
#include "store/memory/memory_store.h"

namespace servo::server {

class TestServer {
 public:
    // `archive`: what the server reads through instead of the store itself.
    using Wrap = std::function<std::unique_ptr<store::Archive>(store::Archive&)>;
    // `stored`: what an earlier leader committed.
    explicit TestServer(
        ServerOptions options = {},
        const model::ChangeSet& stored = {},
        const Wrap& archive = nullptr
    );
    ~TestServer();

    struct Answer {
        int status = 0;
        boost::json::value json;
        TestReply reply;
        std::string text(const char* member) const;  // of the object; "" when absent or no text
        std::string reason() const { return text("reason"); }
        int64_t number(const char* member) const;
        const boost::json::value& item(size_t i) const;  // of "items"
    };
    Answer get(const std::string& target) const { return call("GET", target, ""); }
    Answer post(const std::string& target, const std::string& body, const std::string& headers = "")
        const {
        return call("POST", target, body, headers);
    }
    Answer call(
        const std::string& method,
        const std::string& target,
        const std::string& body,
        const std::string& headers = ""
    ) const;

    // Applies one asset file and expects it to be fine.
    Answer apply(const std::string& yaml) const;

    int port() const { return server_->port(); }
    store::MemoryStore& store() { return store_; }
    void stop_server() { server_->stop(); }

 private:
    store::MemoryStore store_;
    std::unique_ptr<store::Archive> archive_;  // null: the store
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<engine::Loop> loop_;
    std::unique_ptr<Server> server_;
};

// Takes what is granted and reports it as done, or as failed where `fails` says so of an index.
class TestExecutor {
 public:
    // `headers` are sent along, such as a token. Partition i is told to take (i + 1) · `step_us`.
    TestExecutor(
        const TestServer& server,
        std::string name,
        int slots,
        std::string headers = "",
        int64_t step_us = 1'000
    );

    using Fails = bool (*)(uint64_t index);
    // Works until the server has nothing more to give; returns how many partitions it ran.
    uint64_t work(Fails fails = nullptr);
    // Takes one round of grants, reports them, and takes no more.
    uint64_t work_once(Fails fails = nullptr);

 private:
    uint64_t run(Fails fails, bool once);
    boost::json::value call(const char* kind, boost::json::object body);

    const TestServer& server_;
    std::string headers_;
    int64_t step_us_;
    int64_t session_ = 0;
    int64_t calls_[2] = {0, 0};
    int64_t ack_ = 0;
    int slots_ = 1;
};

std::string asset_yaml(const std::string& name, const std::string& start = "2024-01-01");

}  // namespace servo::server
