// From a request to its handler: request id, access, route, parameters, then either the engine (the
// executor protocol, on the io thread) or a worker. The HttpHandler of the listener. handle() on
// the io thread; everything else it touches is thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "server/access.h"
#include "server/call.h"
#include "server/http_meter.h"
#include "server/rate_limits.h"
#include "server/router.h"
#include "server/standby.h"
#include "server/workers.h"

namespace servo::server {

constexpr size_t kIdempotencyKeyMax = 200;
constexpr size_t kRequestIdMax = 128;

class Dispatcher {
 public:
    // All outlive the dispatcher.
    Dispatcher(
        Backend& backend,
        Backend& of_record,
        store::Archive& archive,
        Forecasts& forecasts,
        Workers& workers,
        TokenBook& tokens,
        Standby& standby,
        HttpMeter& meter,
        AccessOptions access
    );

    void handle(Request&& request, std::shared_ptr<Responder> responder);

 private:
    // Route id → handler; every route of the list has one (asserted at construction).
    std::map<std::string_view, Handler> handlers_;

    std::string request_id(const std::string& given);
    // Who asks for `route`, and that it may. Errors: those of authenticate, check_role and the
    // rate limits.
    Result<Principal> let_in(const RequestHeaders& headers, const api::Route& route);
    void answer_machine(const Match& match, Responder& responder, const std::string& id);
    Response health(const Match& match);
    // `leader`: what to ask the leader where this server's record does not do.
    void to_worker(
        Call call,
        std::string key,
        std::shared_ptr<Responder> responder,
        std::shared_ptr<Request> leader
    );
    Response run(Call& call, const std::string& key);
    // The stored answer, or nothing; error: conflict / "idempotency_key_reused".
    Result<std::optional<Response>> replay(Call& call, const std::string& key);

    Backend& backend_;
    Backend& of_record_;
    store::Archive& archive_;
    Forecasts& forecasts_;
    Workers& workers_;
    TokenBook& tokens_;
    Standby& standby_;
    HttpMeter& meter_;
    AccessOptions access_;
    RateLimits rates_;  // io thread
    std::string id_prefix_;
    int64_t next_id_ = 0;  // io thread

    std::mutex mutex_;
    std::set<std::string> keys_under_way_;  // under mutex_
};

}  // namespace servo::server
