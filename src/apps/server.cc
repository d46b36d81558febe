#include "apps/node.h"
#include "apps/notices.h"
#include "apps/processes.h"
#include "apps/stop_signal.h"
#include "base/log.h"
#include "cli/session.h"

namespace servo::apps {

bool logs_json(const config::Options& options) {
    return options.text("log_format") == "json";
}

void start_logging(const config::Options& options, const std::string& quiet_level) {
    const bool asked = options.source("log_level") != config::OptionSource::kDefault;
    init_logging(
        asked ? options.text("log_level") : quiet_level,
        logs_json(options) ? LogFormat::kJson : LogFormat::kText
    );
}

Result<int> ServoProcesses::server(cli::Session& session, const cli::ProcessRequest& request) {
    StopSignal stop;
    start_logging(request.options, "info");
    const std::unique_ptr<Node> node = SERVO_TRY(Node::open(session, request, "server"));
    stop.begin();
    SERVO_CHECK(node->listen(request.options.address("listen"), request));
    if (!request.options.is_off("metrics_listen")) {
        SERVO_CHECK(node->export_metrics(request.options.address("metrics_listen")));
    }
    spdlog::info("listening on {}, store {}", node->url(), node->store_shown());
    Notices(session, request.options).note("servo server " SERVO_VERSION " on " + node->url());
    const int signal = stop.wait();
    spdlog::info("signal {}: stopping", signal);
    return cli::kOk;
}

}  // namespace servo::apps
