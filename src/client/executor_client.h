// The executor protocol as calls. No retries here: the keeper decides when to send what again.
// One thread at a time; http().abort() from any thread.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/executor_health.h"
#include "client/http.h"
#include "model/live_log.h"
#include "model/protocol.h"

namespace servo::client {

class ExecutorClient {
 public:
    explicit ExecutorClient(std::unique_ptr<Http> http) : http_(std::move(http)) {}

    Http& http() { return *http_; }
    Result<model::RegisterReply> register_executor(
        const model::RegisterRequest& request, Millis timeout
    );
    // A report or an acquire, by request.kind.
    Result<model::CallReply> call(const model::CallRequest& request, Millis timeout);
    // Whether the last reply said that somebody reads what this executor runs.
    bool logs_wanted() const { return logs_wanted_; }
    Result<std::vector<model::LogWish>> send_logs(const model::LogReport& report, Millis timeout);
    Result<api::HealthReply> tell_health(const api::HealthRequest& request, Millis timeout);

 private:
    Result<boost::json::value> exchange(
        std::string_view route_id, std::string body, Millis timeout
    );

    std::unique_ptr<Http> http_;
    bool logs_wanted_ = false;
};

}  // namespace servo::client
