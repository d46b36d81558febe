#include "apps/health_listener.h"

#include "api/admin.h"
#include "apps/executor_page.h"
#include "base/log.h"
#include "executor/probe.h"

namespace servo::apps {
namespace {

constexpr size_t kConnectionsMax = 64;
constexpr size_t kRequestBytesMax = 4'096;

server::ListenerOptions listener_options(const config::Address& address) {
    server::ListenerOptions options;
    options.address = address.host;
    options.port = address.port;
    options.option = "--health-listen";
    options.connections_max = kConnectionsMax;
    return options;
}

}  // namespace

server::Response HealthListener::answer(const server::Request& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    server::Response response;
    executor::ProbeAnswer probe;
    if (request.method != "GET") {
        response.status = 405;
        probe.status = "only GET";
    } else if (path == "/metrics") {
        response.content_type = metrics::Page::kContentType;
        response.body = executor_page(agent_, machine_).text();
        return response;
    } else if (path == "/livez") {
        probe = executor::liveness(agent_.since_last_turn());
        response.status = probe.good ? 200 : 503;
    } else if (path == "/readyz") {
        probe = executor::readiness(agent_.status());
        response.status = probe.good ? 200 : 503;
    } else {
        response.status = 404;
        probe.status = "an executor has /livez, /readyz and /metrics";
    }
    api::Health body;
    body.status = probe.status;
    response.body = api::to_text(to_json(body));
    return response;
}

HealthListener::HealthListener(
    const config::Address& address, const executor::Agent& agent, std::string disk
)
    : agent_(agent),
      machine_(executor::MachinePaths{.disk = std::move(disk)}),
      host_(address.host),
      listener_(
          listener_options(address),
          [this](server::Request&& request, std::shared_ptr<server::Responder> responder) {
              responder->send(answer(request));
          },
          [](const std::string&, const std::string&) { return kRequestBytesMax; }
      ) {}

Result<std::unique_ptr<HealthListener>> HealthListener::start(
    const config::Options& options, const executor::Agent& agent, std::string disk
) {
    if (options.is_off("health_listen")) {
        return nullptr;
    }
    std::unique_ptr<HealthListener> health(
        new HealthListener(options.address("health_listen"), agent, std::move(disk))
    );
    SERVO_CHECK(health->listener_.start());
    spdlog::info("health on {}/livez, /readyz and /metrics", health->url());
    return health;
}

std::string HealthListener::url() const {
    const bool six = host_.find(':') != std::string::npos;
    return "http://" + (six ? "[" + host_ + "]" : host_) + ":" + std::to_string(listener_.port());
}

}  // namespace servo::apps
