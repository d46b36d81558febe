#include "server/metrics_listener.h"

#include "server/metrics_page.h"

namespace servo::server {
namespace {

ListenerOptions options_of(std::string address, uint16_t port) {
    ListenerOptions options;
    options.address = std::move(address);
    options.port = port;
    options.connections_max = kMetricsConnectionsMax;
    return options;
}

}  // namespace

MetricsListener::MetricsListener(std::string address, uint16_t port, Backend& backend)
    : backend_(backend),
      listener_(
          options_of(std::move(address), port),
          [this](Request&& request, std::shared_ptr<Responder> responder) {
              handle(request, std::move(responder));
          },
          [](const std::string&, const std::string&) { return size_t{0}; }
      ) {}

MetricsListener::~MetricsListener() {
    stop();
}

Status MetricsListener::start() {
    return listener_.start();
}

void MetricsListener::stop() {
    listener_.stop();
    workers_.stop();
}

void MetricsListener::handle(const Request& request, std::shared_ptr<Responder> responder) {
    if (request.method != "GET" ||
        request.target.substr(0, request.target.find('?')) != "/metrics") {
        responder->send(problem_response(
            not_found("unknown_route", "This listener serves GET /metrics alone."), ""
        ));
        return;
    }
    const bool taken = workers_.submit([this, responder] {
        Response response;
        response.content_type = metrics::Page::kContentType;
        response.body = metrics_page(backend_).text();
        responder->send(std::move(response));
    });
    if (!taken) {
        responder->send(problem_response(unavailable("overloaded", "Too many scrapes wait."), ""));
    }
}

}  // namespace servo::server
