#include "apps/node.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/log.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/sql_functions.h"

namespace servo::apps {
namespace {

uint64_t random_seed() {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != static_cast<ssize_t>(sizeof seed)) {
        seed = static_cast<uint64_t>(engine::boottime_ms());  // jitter only
    }
    return seed;
}

server::StoreHooks hooks_of(const std::string& path) {
    server::StoreHooks hooks;
    hooks.fsck = [path] { return store::fsck_sqlite(path); };
    hooks.backup = [path](const std::string& to) -> Result<int64_t> {
        SERVO_CHECK(store::backup_sqlite(path, to));
        std::error_code error;
        const auto size = std::filesystem::file_size(to, error);
        return error ? 0 : static_cast<int64_t>(size);
    };
    return hooks;
}

// After an I/O error nothing that memory says can be trusted to be on disk.
[[noreturn]] void end_broken(const std::string& why) {
    spdlog::critical("the store is beyond use, the process ends: {}", why);
    spdlog::default_logger()->flush();
    _exit(1);
}

}  // namespace

std::string store_path(const std::string& data_dir) {
    return (std::filesystem::path(data_dir) / kStoreFile).string();
}

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                             : "localhost";
}

Result<std::unique_ptr<Node>> Node::open(const config::Options& options) {
    store::SqliteOptions sqlite;
    sqlite.retention.failures_keep = options.duration("failures_keep");
    sqlite.retention.history_keep = options.duration("history_keep");
    const std::string path = store_path(options.text("data_dir"));
    store::OpenedStore opened = SERVO_TRY(store::open_sqlite(path, sqlite));
    auto node = std::unique_ptr<Node>(new Node(std::move(opened), path));
    SERVO_CHECK(node->loop_.start());
    return node;
}

Node::Node(store::OpenedStore store, std::string path)
    : path_(std::move(path)),
      store_(std::move(store)),
      engine_(*store_.store, host_name() + ":" + std::to_string(getpid()), random_seed()),
      loop_(engine_, *store_.store, end_broken) {}

Node::~Node() {
    loop_.stop();  // first: it answers parked calls, which the listener would wait for
    close_listener();
    store_.history.reset();
    store_.store.reset();
}

Status Node::listen(const config::Address& address, const cli::ProcessRequest& request) {
    server::ServerOptions options;
    options.listener.address = address.host;
    options.listener.port = address.port;
    options.admin_token = request.admin_token;
    options.executor_token = request.executor_token;
    options.insecure = request.insecure;
    options.version = SERVO_VERSION;
    options.hooks = hooks_of(path_);
    auto server = std::make_unique<server::Server>(std::move(options), loop_, *store_.history);
    SERVO_CHECK(server->start());
    server_ = std::move(server);
    host_ = address.host;
    return {};
}

void Node::close_listener() {
    if (server_) {
        server_->stop();
        server_.reset();
    }
}

std::string Node::url() const {
    const bool six = host_.find(':') != std::string::npos;
    return "http://" + (six ? "[" + host_ + "]" : host_) + ":" + std::to_string(server_->port());
}

}  // namespace servo::apps
