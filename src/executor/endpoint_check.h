// Asks an endpoint of a pool whether it answers, and how long each phase takes: libcurl, one GET.
//
// What is asked for comes from people, so it is fenced: http and https only, no user in the URL, no
// redirects, no proxy of the environment, no link-local or metadata address (checked at connect,
// whatever the name resolved to), a cap on the time and on the bytes read. The body is thrown away.
#pragma once

#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "api/executor_health.h"

namespace servo::executor {

constexpr Millis kCheckTimeoutMax{30'000};
constexpr size_t kCheckBodyBytesMax = 64 * 1024;
constexpr size_t kChecksWaitingMax = 4;

// Link-local and metadata addresses, also mapped or translated into version 6; anything that is not
// version 4 or 6.
bool is_blocked_address(const sockaddr* address);

// Blocks for the endpoint's timeout at most. Secrets of its headers are resolved here and leave in
// the request alone.
api::EndpointResult check_endpoint(const api::EndpointAsk& endpoint);

// A thread that runs checks one after the other. Public functions from any thread.
class EndpointChecker {
 public:
    using Done = std::function<void(api::CheckAnswer)>;
    // `done` is called on the checker's thread, or at once when too many wait.
    explicit EndpointChecker(Done done) : done_(std::move(done)) {}
    ~EndpointChecker();  // waits for the check under way
    EndpointChecker(const EndpointChecker&) = delete;
    EndpointChecker& operator=(const EndpointChecker&) = delete;

    void submit(api::CheckAsk ask);

 private:
    void run();
    bool stops();

    Done done_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<api::CheckAsk> waiting_;  // under mutex_
    bool stopping_ = false;              // under mutex_
    std::thread thread_;                 // started by the first check
};

}  // namespace servo::executor
