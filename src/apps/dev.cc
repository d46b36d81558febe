#include <optional>
#include <ostream>
#include <thread>

#include "apps/agent_options.h"
#include "apps/file_watch.h"
#include "apps/health_listener.h"
#include "apps/http_transport.h"
#include "apps/node.h"
#include "apps/notices.h"
#include "apps/processes.h"
#include "apps/stop_signal.h"
#include "apps/try_listen.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/apply_files.h"
#include "cli/session.h"
#include "server/access.h"
#include "server/listener.h"

namespace servo::apps {
namespace {

constexpr Millis kDrainMargin{5'000};  // beyond drain_timeout, for killing and reporting

bool exports_metrics(const config::Options& options) {
    return options.source("metrics_listen") != config::OptionSource::kDefault &&
           !options.is_off("metrics_listen");
}

Result<std::unique_ptr<server::Listener>> check_address(
    const cli::ProcessRequest& request, std::string_view name, const std::string& option
) {
    const config::Address address = request.options.address(name);
    SERVO_CHECK(server::check_listen_address(address.host));
    if (name != "health_listen" && !server::is_loopback(address.host) && !request.insecure) {
        return fail(failed_precondition(
            "insecure_listen",
            option + ' ' + request.options.text(name) +
                " is within reach of others, and servo dev speaks plain HTTP: listen on 127.0.0.1, "
                "run `servo server` with TLS, or say --insecure."
        ));
    }
    return try_listen(address, option);
}

// Before the store is opened, so that a start that is refused changes neither it nor the assets.
Status check_start(const cli::ProcessRequest& request) {
    if (!request.options.text("tls_cert").empty()) {
        return fail(invalid_argument(
            "usage", "servo dev speaks plain HTTP on loopback; for TLS run `servo server`."
        ));
    }
    // All at once, as they will be.
    std::vector<std::unique_ptr<server::Listener>> tried;
    tried.push_back(SERVO_TRY(check_address(request, "listen", "--listen")));
    if (exports_metrics(request.options)) {
        tried.push_back(SERVO_TRY(check_address(request, "metrics_listen", "--metrics-listen")));
    }
    if (!request.options.is_off("health_listen")) {
        tried.push_back(SERVO_TRY(check_address(request, "health_listen", "--health-listen")));
    }
    return {};
}

// Reads the files anew and applies them.
Result<std::string> apply_file(
    cli::Session& session,
    const std::string& url,
    const cli::ProcessRequest& request,
    const std::string& token
) {
    api::ApplyRequest files;
    files.files = SERVO_TRY(cli::read_apply_files(session.environment(), {request.file}));
    const std::string& tenant = session.flags().tenant;
    if (!tenant.empty()) {
        files.tenant = tenant;
    }
    client::Client client(
        client::make_curl_http({url, token, "servo-dev/" SERVO_VERSION, ""}),
        {tenant, session.actor()}
    );
    const api::ApplyReply reply = SERVO_TRY(client.apply(files, client::new_idempotency_key()));
    return cli::describe_apply(reply, false);
}

// Before anybody else is let in, so that whoever finds the server ready finds the assets there.
Status apply_first(
    cli::Session& session, Node& node, const cli::ProcessRequest& request, const std::string& token
) {
    SERVO_CHECK(node.listen({"127.0.0.1", 0}, request, token));
    const Result<std::string> applied = apply_file(session, node.url(), request, token);
    node.close_listener();
    if (!applied) {
        return fail(applied.error());
    }
    Notices(session, request.options).note(request.file + "\n" + *applied);
    return {};
}

// Applies again on each save until the process stops. A file that does not apply changes nothing.
void apply_on_save(
    cli::Session& session,
    FileWatch& watch,
    const std::string& url,
    const cli::ProcessRequest& request,
    const std::string& token,
    int stop_fd
) {
    const Notices notices(session, request.options);
    while (watch.wait(stop_fd)) {
        const Result<std::string> applied = apply_file(session, url, request, token);
        if (applied) {
            notices.note(request.file + " was saved\n" + *applied);
        } else {
            notices.warn(
                request.file + " was saved, and does not apply; what was applied before stays.\n" +
                cli::describe(applied.error())
            );
        }
    }
}

std::string banner(const Node& node, int slots) {
    return "servo dev " SERVO_VERSION ": " + node.url() + ", " + std::to_string(slots) +
           (slots == 1 ? " slot" : " slots") + ", store " + node.store_shown();
}

std::string hints(const std::string& url, bool applied) {
    std::string text = "\n\nType in another terminal:\n";
    if (url != cli::kDefaultServer) {
        text += "  export SERVO_SERVER=" + url + "\n";
    }
    if (!applied) {
        text += "  servo init && servo apply -f servo.yaml\n";
    }
    text +=
        "  servo asset list\n"
        "  servo backfill start ASSET --start D --end D --wait\n"
        "  servo status\n"
        "\nCtrl-C lets running partitions finish and stops; a second one stops at once.";
    return text;
}

// Serves until a signal comes or the executor ends by itself. `watch` is null without a file.
Result<int> serve(
    cli::Session& session,
    const cli::ProcessRequest& request,
    const std::string& token,
    StopSignal& stop,
    Node& node,
    FileWatch* watch
) {
    const std::string url = node.url();
    executor::AgentOptions options =
        SERVO_TRY(agent_options(request, request.options.text("data_dir") + "/executor"));
    const auto exporter = SERVO_TRY(start_exporter(session, request.options, "servo-executor"));
    if (exporter) {
        options.spans = [&exporter](trace::Span span) { exporter->add(std::move(span)); };
    }
    auto transport = make_http_transport({url, token, "servo-executor/" SERVO_VERSION, ""});
    const std::unique_ptr<executor::Agent> agent =
        SERVO_TRY(executor::Agent::start(options, transport));
    const auto health =
        SERVO_TRY(HealthListener::start(request.options, *agent, options.state_dir));
    const Notices notices(session, request.options);
    notices.note(banner(node, options.slots), hints(url, watch != nullptr));
    std::thread applier;
    if (watch) {
        applier = std::thread([&] {
            apply_on_save(session, *watch, url, request, token, stop.stopped_fd());
        });
    }
    Status outcome;
    std::thread waiter([&] {
        outcome = agent->wait();
        stop.raise();
    });
    if (stop.wait() != 0) {
        notices.note("\nstopping: running partitions finish first; once more to stop at once");
        agent->drain();
        if (!agent->wait_for(options.drain_timeout + kDrainMargin)) {
            agent->stop();
        }
    }
    waiter.join();
    if (applier.joinable()) {
        applier.join();
    }
    return outcome ? Result<int>(cli::kOk) : fail(outcome.error());
}

}  // namespace

Result<int> ServoProcesses::dev(cli::Session& session, const cli::ProcessRequest& request) {
    StopSignal stop;
    // Where notices are lines of the log, they must not be beneath its level.
    start_logging(request.options, logs_json(request.options) ? "info" : "warn");
    SERVO_CHECK(check_start(request));
    // Its executor and what applies the file get in however the API is guarded.
    const std::string token = server::draw_token(model::TokenRole::kAdmin).secret;
    const std::unique_ptr<Node> node = SERVO_TRY(Node::open(session, request, "dev"));
    stop.begin();
    std::optional<FileWatch> watch;
    if (!request.file.empty()) {
        watch.emplace(SERVO_TRY(FileWatch::open(request.file)));  // before it is read
        SERVO_CHECK(apply_first(session, *node, request, token));
    }
    SERVO_CHECK(node->listen(request.options.address("listen"), request, token));
    if (exports_metrics(request.options)) {
        SERVO_CHECK(node->export_metrics(request.options.address("metrics_listen")));
    }
    return serve(session, request, token, stop, *node, watch ? &*watch : nullptr);
}

}  // namespace servo::apps
