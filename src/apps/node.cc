#include "apps/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <fstream>

#include "apps/peers.h"
#include "base/log.h"
#include "client/http.h"

namespace servo::apps {
namespace {

uint64_t random_seed() {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
        seed = static_cast<uint64_t>(engine::boottime_ms());  // jitter only
    }
    return seed;
}

Result<server::TlsFiles> tls_files(const config::Options& options) {
    server::TlsFiles files{
        options.text("tls_cert"), options.text("tls_key"), options.text("tls_client_ca")};
    if (files.cert_file.empty() != files.key_file.empty() ||
        (files.cert_file.empty() && !files.client_ca_file.empty())) {
        return fail(
            invalid_argument("tls_incomplete", "TLS needs both --tls-cert FILE and --tls-key FILE.")
        );
    }
    return files;
}

std::string url_of(const config::Options& options, const std::string& host, int port) {
    const std::string scheme = options.text("tls_cert").empty() ? "http" : "https";
    const bool six = host.find(':') != std::string::npos;
    return scheme + "://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

// Where the other servers, and executors that are sent on, reach this one.
Result<std::string> advertised_url(const config::Options& options) {
    if (const std::string& given = options.text("advertise_url"); !given.empty()) {
        return client::check_server_url(given);
    }
    const config::Address address = options.address("listen");
    if (address.port == 0) {
        return std::string();  // known too late; such a server has no others beside it
    }
    const bool everywhere = address.host == "0.0.0.0" || address.host == "::";
    return url_of(options, everywhere ? host_name() : address.host, address.port);
}

// How to trust the other servers, and how to be trusted where they ask for a certificate.
Result<PeerTls> peer_tls(const config::Options& options) {
    PeerTls out{options.text("peer_ca")};
    if (!out.ca_file.empty() && !std::ifstream(out.ca_file)) {
        return fail(
            failed_precondition("bad_tls_files", "--peer-ca " + out.ca_file + " cannot be read.")
        );
    }
    if (!options.text("tls_client_ca").empty()) {
        out.cert_file = options.text("tls_cert");
        out.key_file = options.text("tls_key");
    }
    out.name = options.text("peer_name");
    if (!out.name.empty() && !client::is_host_name(out.name)) {
        return fail(invalid_argument(
            "bad_peer_name",
            "--peer-name " + out.name +
                " is no name of a host; write it as the servers' certificate does, such as "
                "servo-server."
        ));
    }
    return out;
}

// After an I/O error nothing that memory says can be trusted to be on disk.
[[noreturn]] void end_broken(const std::string& why) {
    spdlog::critical("the store is beyond use, the process ends: {}", why);
    spdlog::default_logger()->flush();
    _exit(1);
}

}  // namespace

Result<std::unique_ptr<Node>> Node::open(
    const cli::Session& session, const cli::ProcessRequest& request, const std::string& role
) {
    store::Candidate self{
        host_name() + ":" + std::to_string(getpid()), SERVO_TRY(advertised_url(request.options))};
    AnyStore store = SERVO_TRY(open_store(request.options, role));
    auto node = std::unique_ptr<Node>(new Node(std::move(store), std::move(self)));
    node->exporter_ = SERVO_TRY(start_exporter(session, request.options, "servo-server"));
    if (node->exporter_) {
        trace_backfills(node->engine_, *node->exporter_);
    }
    if (request.accept_older_database) {
        node->engine_.accept_older_database();
    }
    SERVO_CHECK(node->loop_.start());
    return node;
}

Node::Node(AnyStore store, store::Candidate self)
    : store_(std::move(store)),
      self_(std::move(self)),
      engine_(*store_.opened.store, self_, random_seed()),
      loop_(engine_, *store_.opened.store, end_broken) {}

Node::~Node() {
    loop_.stop();  // first: it answers parked calls, which the listener would wait for
    close_listener();
    store_.opened.archive.reset();
    store_.opened.store.reset();
}

Status Node::listen(
    const config::Address& address,
    const cli::ProcessRequest& request,
    const std::string& process_token
) {
    server::ServerOptions options;
    options.listener.address = address.host;
    options.listener.port = address.port;
    options.admin_token = request.admin_token;
    options.executor_token = request.executor_token;
    options.process_token = process_token;
    options.insecure = request.insecure;
    options.body_max = static_cast<size_t>(request.options.bytes("http_max_body"));
    options.submit_max = static_cast<size_t>(request.options.bytes("http_max_submit"));
    options.listener.tls = SERVO_TRY(tls_files(request.options));
    options.version = SERVO_VERSION;
    options.contacts = request.options.entries("contacts");
    options.peers = make_peers(self_, SERVO_TRY(peer_tls(request.options)));
    options.hooks = store_.hooks;
    options.definitions = store_.opened.definitions;
    auto server =
        std::make_unique<server::Server>(std::move(options), loop_, *store_.opened.archive);
    SERVO_CHECK(server->start());
    server_ = std::move(server);
    url_ = url_of(request.options, address.host, server_->port());
    return {};
}

Status Node::export_metrics(const config::Address& address) {
    auto metrics = std::make_unique<server::MetricsListener>(address.host, address.port, *server_);
    SERVO_CHECK(metrics->start());
    spdlog::info("/metrics on {}:{}", address.host, metrics->port());
    metrics_ = std::move(metrics);
    return {};
}

void Node::close_listener() {
    metrics_.reset();
    if (server_) {
        server_->stop();
        server_.reset();
    }
}

}  // namespace servo::apps
