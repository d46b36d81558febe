#include "apps/health_listener.h"

#include "api/admin.h"
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
    options.connections_max = kConnectionsMax;
    return options;
}

server::Response answer(const server::Request& request, const executor::Agent& agent) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    server::Response response;
    executor::ProbeAnswer probe;
    if (request.method != "GET") {
        response.status = 405;
        probe.status = "only GET";
    } else if (path == "/livez") {
        probe = executor::liveness(agent.since_last_turn());
        response.status = probe.good ? 200 : 503;
    } else if (path == "/readyz") {
        probe = executor::readiness(agent.status());
        response.status = probe.good ? 200 : 503;
    } else {
        response.status = 404;
        probe.status = "an executor has /livez and /readyz";
    }
    api::Health body;
    body.status = probe.status;
    response.body = api::to_text(to_json(body));
    return response;
}

}  // namespace

HealthListener::HealthListener(const config::Address& address, const executor::Agent& agent)
    : host_(address.host),
      listener_(
          listener_options(address),
          [&agent](server::Request&& request, std::shared_ptr<server::Responder> responder) {
              responder->send(answer(request, agent));
          },
          [](const std::string&, const std::string&) { return kRequestBytesMax; }
      ) {}

Result<std::unique_ptr<HealthListener>> HealthListener::start(
    const config::Options& options, const executor::Agent& agent
) {
    if (options.is_off("health_listen")) {
        return nullptr;
    }
    std::unique_ptr<HealthListener> health(
        new HealthListener(options.address("health_listen"), agent)
    );
    SERVO_CHECK(health->listener_.start());
    spdlog::info("health on {}/livez and /readyz", health->url());
    return health;
}

std::string HealthListener::url() const {
    const bool six = host_.find(':') != std::string::npos;
    return "http://" + (six ? "[" + host_ + "]" : host_) + ":" + std::to_string(listener_.port());
}

}  // namespace servo::apps
