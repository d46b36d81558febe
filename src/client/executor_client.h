// The executor protocol as calls. No retries here: the keeper decides when to send what again.
// One thread at a time; http().abort() from any thread.
#pragma once

#include <memory>

#include "client/http.h"
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

 private:
    std::unique_ptr<Http> http_;
};

}  // namespace servo::client
