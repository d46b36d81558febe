#include "server/server.h"

namespace servo::server {
namespace {

AccessOptions access_of(const ServerOptions& options) {
    return {options.admin_token, options.executor_token, options.listener.address};
}

}  // namespace

Server::Server(ServerOptions options, engine::Loop& loop, store::History& history)
    : options_(std::move(options)),
      backend_(loop, history, options_.hooks, options_.version),
      forecasts_(backend_),
      stepper_(backend_),
      workers_(options_.worker_threads),
      dispatcher_(backend_, forecasts_, workers_, access_of(options_)),
      listener_(
          options_.listener,
          [this](Request&& request, std::shared_ptr<Responder> responder) {
              dispatcher_.handle(std::move(request), std::move(responder));
          },
          [](const std::string& method, const std::string& target) {
              return takes_large_body(method, target) ? kLargeBodyBytesMax : kBodyBytesMax;
          }
      ) {
    backend_.on_definitions_changed([this] { stepper_.refresh(); });
}

Server::~Server() {
    stop();
}

Status Server::start() {
    SERVO_CHECK(check_exposure(access_of(options_), options_.insecure));
    SERVO_CHECK(listener_.start());
    stepper_.start();
    return {};
}

void Server::stop() {
    listener_.stop();
    workers_.stop();
    stepper_.stop();
}

int Server::port() const {
    return listener_.port();
}

}  // namespace servo::server
