// What a server that stands by does with requests, and how it notices that the leader's process is
// gone. Requests of people go on to the leader with the caller's own credentials, once; executors
// are told the leader's address and follow it, so that heartbeats do not depend on two processes.
// Thread-safe, except start() and stop().
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/loop.h"
#include "server/http.h"
#include "server/workers.h"

namespace servo::server {

constexpr size_t kForwardThreads = 16;  // requests on their way to the leader at once
constexpr Millis kForwardTimeout{60'000};
constexpr Millis kReachEvery{250};
constexpr Millis kStalledAfter{30'000};  // a step of the engine this long: the process is not alive

enum class Reach { kListens, kRefused, kSilent };

// How to reach another server; wired by the program. Thread-safe. Without them nothing is
// forwarded.
struct Peers {
    // Sends the request on. Error: nobody answered.
    std::function<Result<Response>(const std::string& url, const Request&, Millis timeout)> forward;
    // Whether somebody listens at the address.
    std::function<Reach(const std::string& url)> reach;
    // The host name that the certificate of each is for; empty = that of its address.
    std::string name = {};
};

class Standby {
 public:
    Standby(engine::Loop& loop, Peers peers);
    ~Standby();  // stops

    void start();
    void stop();

    // The one answer to a request that came while this server stands by.
    void answer(
        const api::Route& route,
        Request&& request,
        std::shared_ptr<Responder> responder,
        const std::string& id
    );

 private:
    void watch();

    engine::Loop& loop_;
    Peers peers_;
    std::optional<Workers> workers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;  // under mutex_
    std::thread watcher_;
};

}  // namespace servo::server
