#include <thread>

#include "apps/agent_options.h"
#include "apps/health_listener.h"
#include "apps/http_transport.h"
#include "apps/notices.h"
#include "apps/processes.h"
#include "apps/stop_signal.h"
#include "apps/tracing.h"
#include "base/log.h"
#include "cli/session.h"

namespace servo::apps {

Result<int> ServoProcesses::executor(cli::Session& session, const cli::ProcessRequest& request) {
    StopSignal stop;
    stop.begin();
    start_logging(request.options, "info");
    const cli::Connection* to = SERVO_TRY(session.connection());
    executor::AgentOptions options = SERVO_TRY(agent_options(request, ""));
    const auto exporter = SERVO_TRY(start_exporter(session, request.options, "servo-executor"));
    if (exporter) {
        options.spans = [&exporter](trace::Span span) { exporter->add(std::move(span)); };
    }
    auto transport = make_http_transport(cli::http_options(*to, "servo-executor/" SERVO_VERSION));
    const std::unique_ptr<executor::Agent> agent =
        SERVO_TRY(executor::Agent::start(options, transport));
    const auto health =
        SERVO_TRY(HealthListener::start(request.options, *agent, options.state_dir));
    Notices(session, request.options)
        .note(
            "executor " + options.name + " with " + std::to_string(options.slots) +
            " slots, server " + to->server.value
        );
    Status outcome;
    std::thread waiter([&] {
        outcome = agent->wait();
        stop.raise();
    });
    if (const int signal = stop.wait(); signal != 0) {
        spdlog::info("signal {}: draining", signal);
        agent->drain();
    }
    waiter.join();
    if (!outcome) {
        return fail(outcome.error());
    }
    return cli::kOk;
}

}  // namespace servo::apps
