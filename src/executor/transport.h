// The door to the server, as the agent uses it. An implementation runs its calls on threads of its
// own: one for registering and reports, one for acquires, which the server may park.
#pragma once

#include <functional>
#include <memory>

#include "api/executor_health.h"
#include "base/result.h"
#include "base/time.h"
#include "model/live_log.h"
#include "model/protocol.h"

namespace servo::executor {

class Transport {
 public:
    using RegisterDone = std::function<void(Result<model::RegisterReply>)>;
    using CallDone = std::function<void(Result<model::CallReply>)>;
    using LogsDone = std::function<void(Result<std::vector<model::LogWish>>)>;
    using HealthDone = std::function<void(Result<api::HealthReply>)>;

    virtual ~Transport() = default;

    // All return at once. `done` is called exactly once, on any thread, at the latest when
    // `timeout` has passed, and with an Error when the call failed or was cancelled. There is at
    // most one register, one report, one acquire and one health call under way at a time.
    virtual void register_executor(
        std::shared_ptr<const model::RegisterRequest> request, Millis timeout, RegisterDone done
    ) = 0;
    virtual void call(
        std::shared_ptr<const model::CallRequest> request, Millis timeout, CallDone done
    ) = 0;

    // `wanted` is called, on any thread, when a report's reply says that somebody reads what this
    // executor runs. Set before the first call.
    virtual void on_logs_wanted(std::function<void()> wanted) = 0;
    // As above, at most one under way, beside all others.
    virtual void send_logs(
        std::shared_ptr<const model::LogReport> report, Millis timeout, LogsDone done
    ) = 0;
    virtual void tell_health(
        std::shared_ptr<const api::HealthRequest> request, Millis timeout, HealthDone done
    ) = 0;

    // Ends everything under way soon; each `done` still gets called, before this returns. Later
    // calls fail at once. Thread-safe, idempotent.
    virtual void shut_down() = 0;
};

}  // namespace servo::executor
