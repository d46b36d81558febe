#include "server/server.h"

#include <algorithm>

#include "base/log.h"

namespace servo::server {
namespace {

ListenerOptions listener_options(const ServerOptions& options) {
    ListenerOptions out = options.listener;
    out.body_ceiling = std::max(options.body_max, options.submit_max);
    return out;
}

// What is made or ended through the leader holds here at once, and not after the next reading.
Peers peers_of(Peers peers, TokenBook& tokens) {
    peers.tokens_changed = [&tokens] {
        if (const Status read = tokens.refresh(); !read) {
            spdlog::warn("tokens cannot be read, the last ones stay: {}", read.error().message);
        }
    };
    return peers;
}

}  // namespace

AccessOptions access_of(const ServerOptions& options) {
    return {
        options.admin_token,
        options.executor_token,
        options.process_token,
        options.listener.address};
}

Server::Server(ServerOptions options, engine::Loop& loop, store::Archive& archive)
    : options_(std::move(options)),
      backend_(loop, options_.hooks, options_.version),
      record_(options_.definitions),
      of_record_(loop, {}, options_.version, &record_),
      forecasts_(backend_),
      stepper_(backend_),
      tokens_(archive),
      workers_(options_.worker_threads),
      standby_(loop, peers_of(options_.peers, tokens_)),
      dispatcher_(
          backend_,
          of_record_,
          archive,
          forecasts_,
          workers_,
          tokens_,
          standby_,
          http_meter_,
          access_of(options_)
      ),
      listener_(
          listener_options(options_),
          [this](Request&& request, std::shared_ptr<Responder> responder) {
              dispatcher_.handle(std::move(request), std::move(responder));
          },
          [this](const std::string& method, const std::string& target) {
              return takes_large_body(method, target) ? options_.submit_max : options_.body_max;
          }
      ) {
    backend_.on_definitions_changed([this] { stepper_.refresh(); });
    backend_.set_contacts(options_.contacts);
}

Server::~Server() {
    stop();
}

Status Server::start() {
    SERVO_CHECK(tokens_.start());
    const Transport transport = options_.listener.tls.on() ? Transport::kTls : Transport::kPlain;
    SERVO_CHECK(check_exposure(access_of(options_), *tokens_.table(), transport, options_.insecure)
    );
    standby_.start();
    SERVO_CHECK(listener_.start());
    stepper_.start();
    return {};
}

void Server::stop() {
    listener_.stop();
    standby_.stop();
    workers_.stop();
    stepper_.stop();
    tokens_.stop();
}

int Server::port() const {
    return listener_.port();
}

}  // namespace servo::server
