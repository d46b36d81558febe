#include "server/standby.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/log.h"

namespace servo::server {
namespace {

Response with_id(Response response, const std::string& id) {
    response.headers.emplace_back(std::string(api::kRequestIdHeader), id);
    return response;
}

bool changes_tokens(const api::Route& route) {
    return route.method != api::Method::kGet && route.path.starts_with("/v1/tokens");
}

Error nobody_leads(const engine::EngineStatus& status) {
    if (!status.why.empty()) {
        return engine::store_away(status.why);
    }
    Error error = unavailable(
        "not_leading", "No server leads at the moment; a standby takes over. Try again shortly."
    );
    error.retry_after_s = 1;
    return error;
}

Error leader_silent(const std::string& url) {
    Error error = unavailable(
        "leader_unreachable",
        fmt::format(
            "This server stands by, and the leader at {} does not answer it. If that address is "
            "wrong, start the leader with --advertise-url URL.",
            url
        )
    );
    error.retry_after_s = 1;
    return error;
}

Error leader_replaced(const std::string& url) {
    Error error = unavailable(
        "leader_replaced",
        fmt::format(
            "The leader at {} was replaced, or this server stops, before it answered. Whether it "
            "did "
            "what was asked is not known; ask again, for a change with the same Idempotency-Key.",
            url
        )
    );
    error.retry_after_s = 1;
    return error;
}

Error leader_not_trusted(const std::string& why) {
    Error error = unavailable(
        "leader_not_trusted", "This server stands by, and hands nothing on to the leader. " + why
    );
    error.retry_after_s = 1;
    return error;
}

// An answer of the leader of `epoch` would come too late. A leader that cannot be seen at the
// moment may well lead.
bool replaced(const engine::EngineStatus& now, int64_t epoch) {
    return now.state != engine::EngineState::kStandby || now.leader.epoch > epoch ||
           (now.leader.epoch == epoch && now.leader.gone);
}

}  // namespace

Standby::Standby(engine::Loop& loop, Peers peers) : loop_(loop), peers_(std::move(peers)) {}

Standby::~Standby() {
    stop();
}

void Standby::start() {
    if (peers_.forward) {
        workers_.emplace(kForwardThreads);
    }
    if (peers_.forward || peers_.reach) {
        watcher_ = std::thread([this] { watch(); });
    }
}

void Standby::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    give_up_flights(true);
    if (watcher_.joinable()) {
        watcher_.join();
    }
    if (workers_) {
        workers_->stop();
    }
}

void Standby::answer(
    const api::Route& route,
    Request&& request,
    std::shared_ptr<Responder> responder,
    const std::string& id
) {
    const engine::EngineStatus status = loop_.status();
    const store::LeaderRow& leader = status.leader;
    const bool known = !leader.gone && !leader.url.empty();
    if (!known || !workers_ || request.headers.forwarded || route.role == api::Role::kExecutor) {
        Response response = problem_response(nobody_leads(status), id);
        if (known && !request.headers.forwarded) {
            response.headers.emplace_back(std::string(api::kLeaderHeader), leader.url);
            if (!peers_.name.empty()) {
                response.headers.emplace_back(std::string(api::kLeaderNameHeader), peers_.name);
            }
        }
        return responder->send(with_id(std::move(response), id));
    }
    request.headers.request_id = id;
    auto carried = std::make_shared<const Request>(std::move(request));
    const bool tokens = changes_tokens(route);
    const bool taken = workers_->submit([this, carried, leader, responder, id, tokens] {
        Response response = forward(*carried, leader, id);
        if (tokens && peers_.tokens_changed) {
            peers_.tokens_changed();
        }
        responder->send(with_id(std::move(response), id));
    });
    if (!taken) {
        Error error =
            unavailable("overloaded", "The server has too much to do; try again in a moment.");
        error.retry_after_s = 2;
        responder->send(with_id(problem_response(error, id), id));
    }
}

Response Standby::forward(
    const Request& request, const store::LeaderRow& leader, const std::string& id
) {
    const std::stop_source given_up;
    std::list<Flight>::iterator flight;
    bool late = false;
    {
        const std::lock_guard lock(mutex_);
        flight = flights_.insert(flights_.end(), {leader.epoch, given_up});
        late = stopping_;
    }
    // It may have waited for a thread.
    late = late || replaced(loop_.status(), leader.epoch);
    Result<Response> response = fail(leader_replaced(leader.url));
    if (!late) {
        response = peers_.forward(leader.url, request, kForwardTimeout, given_up.get_token());
    }
    {
        const std::lock_guard lock(mutex_);
        flights_.erase(flight);
    }
    if (response) {
        return std::move(*response);
    }
    spdlog::warn("{} forwarded to {}: {}", id, leader.url, response.error().message);
    if (late || given_up.stop_requested()) {
        return problem_response(leader_replaced(leader.url), id);
    }
    const bool untrusted = response.error().reason == "tls_failed";
    return problem_response(
        untrusted ? leader_not_trusted(response.error().message) : leader_silent(leader.url), id
    );
}

void Standby::give_up_flights(bool all) {
    const engine::EngineStatus now = loop_.status();
    std::vector<std::stop_source> late;
    {
        const std::lock_guard lock(mutex_);
        for (const Flight& flight : flights_) {
            if (all || replaced(now, flight.epoch)) {
                late.push_back(flight.given_up);
            }
        }
    }
    for (std::stop_source& one : late) {
        one.request_stop();
    }
}

// How long to wait before the next connection. An address at which the leader of this epoch
// listened, and where nobody does any more, means that its process is gone. One that never answered
// may be wrong, and means nothing. A connection that the leader closes may mean that it ends: then
// it has given up in the store, which is looked at, or is gone, which the next connection shows.
Millis Standby::probe(Heard& heard) {
    const engine::EngineStatus status = loop_.status();
    const store::LeaderRow& leader = status.leader;
    if (!peers_.reach || status.state != engine::EngineState::kStandby || leader.gone ||
        leader.url.empty()) {
        return kReachEvery;
    }
    const Reach reach = peers_.reach(leader, kReachEvery);
    const bool again = std::exchange(heard.closed, reach == Reach::kClosed);
    switch (reach) {
        case Reach::kListens:
            heard.epoch = leader.epoch;
            return Millis(0);
        case Reach::kClosed:
            heard.epoch = leader.epoch;
            loop_.look_at_leader();
            return again ? kReachEvery : Millis(0);
        case Reach::kRefused:
            if (heard.epoch == leader.epoch) {
                loop_.heard_gone(leader.epoch);
            }
            return kReachEvery;
        case Reach::kGone:
            loop_.heard_gone(leader.epoch);
            return kReachEvery;
        case Reach::kSilent:
            return kReachEvery;
    }
    return kReachEvery;
}

void Standby::watch() {
    Heard heard;
    Millis pause{0};
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
        lock.unlock();
        pause = probe(heard);
        give_up_flights(false);
        lock.lock();
    }
}

}  // namespace servo::server
