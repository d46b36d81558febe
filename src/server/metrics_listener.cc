#include "server/metrics_listener.h"

#include "server/metrics_page.h"

namespace servo::server {
namespace {

ListenerOptions options_of(const AccessOptions& access, uint16_t port, const TlsFiles& tls) {
    ListenerOptions options;
    options.address = access.listen_address;
    options.port = port;
    options.option = "--metrics-listen";
    options.connections_max = kMetricsConnectionsMax;
    if (!is_loopback(access.listen_address)) {
        options.tls = tls;
    }
    return options;
}

AccessOptions access_at(std::string address, const Server& server) {
    AccessOptions access = access_of(server.options());
    access.listen_address = std::move(address);
    return access;
}

}  // namespace

MetricsListener::MetricsListener(std::string address, uint16_t port, Server& server)
    : server_(server),
      access_(access_at(std::move(address), server)),
      listener_(
          options_of(access_, port, server.options().listener.tls),
          [this](Request&& request, std::shared_ptr<Responder> responder) {
              handle(request, std::move(responder));
          },
          [](const std::string&, const std::string&) { return size_t{0}; }
      ) {}

MetricsListener::~MetricsListener() {
    stop();
}

Status MetricsListener::start() {
    SERVO_CHECK(check_exposure(
        access_,
        *server_.tokens().table(),
        server_.options().listener.tls.on() ? Transport::kTls : Transport::kPlain,
        server_.options().insecure,
        Exposed::kMetrics
    ));
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
    const Status allowed =
        check_scrape(request.headers, access_, *server_.tokens().table(), server_.backend().now());
    if (!allowed) {
        responder->send(problem_response(allowed.error(), ""));
        return;
    }
    const bool taken = workers_.submit([this, responder] {
        Response response;
        response.content_type = metrics::Page::kContentType;
        response.body = metrics_page(server_.backend(), server_.http_meter()).text();
        responder->send(std::move(response));
    });
    if (!taken) {
        responder->send(problem_response(unavailable("overloaded", "Too many scrapes wait."), ""));
    }
}

}  // namespace servo::server
