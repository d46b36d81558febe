#include <sys/random.h>

#include <algorithm>
#include <chrono>

#include "api/json.h"
#include "api/problem.h"
#include "api/routes.h"
#include "base/assert.h"
#include "base/text.h"
#include "client/call.h"

namespace servo::client {
namespace {

bool may_repeat(const api::Route& route, bool has_key) {
    switch (route.repeat) {
        case api::Repeat::kSafe:
        case api::Repeat::kNatural:
            return true;
        case api::Repeat::kKey:
            return has_key;
        case api::Repeat::kNever:
            return false;
    }
    return false;
}

}  // namespace

Result<std::string> Client::send(const Call& call) {
    const api::Route& route = api::route(call.route);
    Pairs query;
    std::copy_if(
        call.query.begin(),
        call.query.end(),
        std::back_inserter(query),
        [](const auto& pair) { return !pair.second.empty(); }
    );
    if (route.scope == api::Scope::kTenant && !options_.tenant.empty()) {
        query.emplace_back("tenant", options_.tenant);
    }
    HttpRequest request;
    request.method = route.method;
    request.target = api::expand_path(route, call.values, query);
    request.timeout = call.timeout;
    if (call.body) {
        request.body = api::to_text(*call.body);
    }
    if (!options_.actor.empty()) {
        request.headers.emplace_back(api::kActorHeader, options_.actor);
    }
    if (!options_.traceparent.empty()) {
        request.headers.emplace_back(api::kTraceparentHeader, options_.traceparent);
    }
    if (!call.idempotency_key.empty()) {
        request.headers.emplace_back(api::kIdempotencyKeyHeader, call.idempotency_key);
    }
    const bool repeat = may_repeat(route, !call.idempotency_key.empty());
    request.repeatable = repeat;
    Millis waited{0};
    Millis pause = kRetryPauseFirst;
    for (int tries = 1;; ++tries) {
        HttpReply reply = SERVO_TRY(http_->send(request));
        if (reply.status >= 200 && reply.status < 300) {
            return std::move(reply.body);
        }
        Error error = api::error_from_problem(reply.status, reply.body);
        if (error.retry_after_s == 0 && reply.retry_after_s) {
            error.retry_after_s = *reply.retry_after_s;
        }
        const bool overloaded = reply.status == 503 || reply.status == 429;
        const Millis next = error.retry_after_s > 0 ? Millis(1'000 * error.retry_after_s)
                                                    : std::exchange(pause, 2 * pause);
        if (!repeat || !overloaded || tries >= kTriesMax || waited + next > kRetryFor) {
            return fail(std::move(error));
        }
        waited += next;
        if (!http_->pause(next)) {
            return fail(unavailable("aborted", "The call was given up."));
        }
    }
}

std::string new_idempotency_key() {
    std::string bytes(16, '\0');
    SERVO_ASSERT(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return base32_encode(bytes);
}

}  // namespace servo::client
