// What executors told of themselves beside their work, by session, and the checks that they are
// asked to make; live state of this leader, never stored. Thread-safe.
#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/executor_health.h"
#include "base/result.h"

namespace servo::server {

constexpr size_t kBookSessionsMax = 10'000;  // then the one that was silent longest is forgotten
constexpr size_t kChecksPerSessionMax = 4;   // asked and not answered
// How often executors call: a check waits no longer than that, and all that call together make no
// more than fifty calls a second.
constexpr Millis kBookCallMin{2'000};
constexpr Millis kBookCallPerSession{20};
constexpr Millis kBookCallsFor{30'000};       // who was not heard of for so long calls no more
constexpr Millis kBookHealthKept{3'600'000};  // of who is silent

class ExecutorBook {
 public:
    // The engine accepted a registration of `session` by the holder of `token`.
    void opened(int64_t session, const std::string& token, Instant now);
    // Whether the session is open and `token` opened it: that of another token is none at all.
    // Error: failed_precondition / "unknown_session".
    Status check(int64_t session, const std::string& token) const;
    // Takes what an executor tells; the answer has what it is asked to do. Error: as of check().
    Result<api::HealthReply> tell(
        api::HealthRequest request, const std::string& token, Instant now
    );
    // Nothing for a session that has not told anything.
    std::optional<api::ExecutorHealth> health(int64_t session) const;

    // Asks the session's executor to measure the endpoints. The future gets the answer, or is
    // broken when the session ends; whoever stops waiting calls forget(). Errors:
    // failed_precondition / "unknown_session", resource_exhausted / "too_many_checks".
    struct Asked {
        int64_t session = 0;
        int64_t id = 0;
        std::future<std::vector<api::EndpointResult>> answer;
    };
    Result<Asked> ask(int64_t session, std::vector<api::EndpointAsk> endpoints);
    void forget(const Asked& asked);

    size_t size() const;

 private:
    struct Check {
        std::optional<api::CheckAsk> ask;  // until it is given to the executor
        std::promise<std::vector<api::EndpointResult>> answer;
    };
    struct Page {
        std::string token;
        Instant heard_at;
        std::optional<api::ExecutorHealth> health;
        std::map<int64_t, Check> checks;  // by id; at most kChecksPerSessionMax
    };
    void drop_old_health(Instant now);     // under mutex_
    Millis call_every(Instant now) const;  // under mutex_

    mutable std::mutex mutex_;
    std::map<int64_t, Page> pages_;  // under mutex_
    int64_t next_check_ = 1;         // under mutex_
};

}  // namespace servo::server
