#include "server/standby.h"

#include <fmt/format.h>

#include "base/log.h"

namespace servo::server {
namespace {

Response with_id(Response response, const std::string& id) {
    response.headers.emplace_back(std::string(api::kRequestIdHeader), id);
    return response;
}

Error nobody_leads() {
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

}  // namespace

Error leader_not_trusted(const std::string& why) {
    Error error = unavailable(
        "leader_not_trusted", "This server stands by, and hands nothing on to the leader. " + why
    );
    error.retry_after_s = 1;
    return error;
}

Standby::Standby(engine::Loop& loop, Peers peers) : loop_(loop), peers_(std::move(peers)) {}

Standby::~Standby() {
    stop();
}

void Standby::start() {
    if (peers_.forward) {
        workers_.emplace(kForwardThreads);
    }
    if (peers_.reach) {
        watcher_ = std::thread([this] { watch(); });
    }
}

void Standby::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
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
    const store::LeaderRow leader = loop_.status().leader;
    const bool known = !leader.gone && !leader.url.empty();
    if (!known || !workers_ || request.headers.forwarded || route.role == api::Role::kExecutor) {
        Response response = problem_response(nobody_leads(), id);
        if (known && !request.headers.forwarded) {
            response.headers.emplace_back(std::string(api::kLeaderHeader), leader.url);
        }
        return responder->send(with_id(std::move(response), id));
            if (!peers_.name.empty()) {
                response.headers.emplace_back(std::string(api::kLeaderNameHeader), peers_.name);
            }
    }
    request.headers.request_id = id;
    auto carried = std::make_shared<const Request>(std::move(request));
    const bool taken = workers_->submit([this, carried, url = leader.url, responder, id] {
        Result<Response> response = peers_.forward(url, *carried, kForwardTimeout);
        if (!response) {
            spdlog::warn("{} forwarded to {}: {}", id, url, response.error().message);
            const bool untrusted = response.error().reason == "tls_failed";
            const Error error =
                untrusted ? leader_not_trusted(response.error().message) : leader_silent(url);
            response = problem_response(error, id);
        }
        responder->send(with_id(std::move(*response), id));
    });
    if (!taken) {
        Error error =
            unavailable("overloaded", "The server has too much to do; try again in a moment.");
        error.retry_after_s = 2;
        responder->send(with_id(problem_response(error, id), id));
    }
}

// An address at which the leader of this epoch listened, and where nobody does any more, means that
// its process is gone. One that never answered may be wrong, and means nothing.
void Standby::watch() {
    int64_t heard_epoch = -1;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kReachEvery, [this] { return stopping_; })) {
        lock.unlock();
        const engine::EngineStatus status = loop_.status();
        const store::LeaderRow& leader = status.leader;
        if (status.state == engine::EngineState::kStandby && !leader.gone && !leader.url.empty()) {
            const Reach reach = peers_.reach(leader.url);
            if (reach == Reach::kListens) {
                heard_epoch = leader.epoch;
            } else if (reach == Reach::kRefused && heard_epoch == leader.epoch) {
                loop_.heard_gone(leader.epoch);
            }
        }
        lock.lock();
    }
}

}  // namespace servo::server
