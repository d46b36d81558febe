#include "apps/node.h"
#include "apps/processes.h"
#include "apps/stop_signal.h"
#include "base/log.h"
#include "cli/session.h"

namespace servo::apps {

void start_logging(const config::Options& options, const std::string& quiet_level) {
    const bool asked = options.source("log_level") != config::OptionSource::kDefault;
    init_logging(
        asked ? options.text("log_level") : quiet_level,
        options.text("log_format") == "json" ? LogFormat::kJson : LogFormat::kText
    );
}

Status check_served(const config::Options& options) {
    for (const config::OptionDecl& option : config::process_options()) {
        const bool unserved = option.name == "http_max_body" || option.name == "http_max_submit";
        const bool typed = options.source(option.name) != config::OptionSource::kDefault;
        if (unserved && typed) {
            return fail(invalid_argument(
                "not_in_this_version",
                "The option " + std::string(option.name) + " is not in this version."
            ));
        }
    }
    return {};
}

Result<int> ServoProcesses::server(cli::Session& session, const cli::ProcessRequest& request) {
    StopSignal stop;
    start_logging(request.options, "info");
    SERVO_CHECK(check_served(request.options));
    const std::unique_ptr<Node> node = SERVO_TRY(Node::open(request.options));
    SERVO_CHECK(node->listen(request.options.address("listen"), request));
    spdlog::info(
        "listening on {}, store {}", node->url(), store_path(request.options.text("data_dir"))
    );
    session.output().note("servo server " SERVO_VERSION " on " + node->url());
    const int signal = stop.wait();
    spdlog::info("signal {}: stopping", signal);
    return cli::kOk;
}

}  // namespace servo::apps
