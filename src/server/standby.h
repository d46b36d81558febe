// What a server that stands by does with requests, and how it notices that the leader's process
// ends or is gone: by a connection that it keeps to it, whatever the database can tell. Requests of
// people go on to the leader with the caller's own credentials, once, and are given up when another
// server takes its place; executors are told the leader's address and follow it, so that heartbeats
// do not depend on two processes. Thread-safe, except start() and stop().
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "engine/loop.h"
#include "server/http.h"
#include "server/workers.h"

namespace servo::server {

constexpr size_t kForwardThreads = 16;  // requests on their way to the leader at once
constexpr Millis kForwardTimeout{60'000};
constexpr Millis kReachEvery{250};  // a connection to the leader is kept this long, then made anew
constexpr Millis kStalledAfter{30'000};  // a step of the engine this long: the process is not alive

enum class Reach { kListens, kClosed, kRefused, kSilent, kGone };

// How to reach another server; wired by the program. Thread-safe. Without them nothing is
// forwarded.
struct Peers {
    // Sends the request on. Error: nobody answered, or not before `given_up`.
    std::function<Result<Response>(
        const std::string& url, const Request&, Millis timeout, std::stop_token given_up
    )>
        forward;
    // Whether somebody listens at the leader's address. Who does is kept connected for `hold`
    // (kListens), or until the other end closes the connection (kClosed). kGone: its process is
    // known to have ended.
    std::function<Reach(const store::LeaderRow& leader, Millis hold)> reach;
    // The leader made or ended a token for somebody who asked here.
    std::function<void()> tokens_changed = {};
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
    // Of the leader's process, as connections to it tell.
    struct Heard {
        int64_t epoch = -1;   // of the last leader that listened
        bool closed = false;  // it closed the last connection
    };
    // A request that the leader of that epoch has.
    struct Flight {
        int64_t epoch = 0;
        std::stop_source given_up;
    };
    void watch();
    Millis probe(Heard& heard);
    Response forward(const Request& request, const store::LeaderRow& leader, const std::string& id);
    void give_up_flights(bool all);

    engine::Loop& loop_;
    Peers peers_;
    std::optional<Workers> workers_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;      // under mutex_
    std::list<Flight> flights_;  // under mutex_; at most kForwardThreads
    std::thread watcher_;
};

}  // namespace servo::server
