#include "load/fleet.h"

#include <poll.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/text.h"

namespace servo::load {
namespace {

constexpr Millis kLookAgain{20};
constexpr Millis kRemoveWithin{10'000};
constexpr const char* kLoopback = "http://127.0.0.1:";

Error ended(const std::string& what, const std::string& log) {
    return unavailable("process_ended", what + " ended by itself. The end of its log:\n" + log);
}

// The address that a server tells when it listens; empty = not yet.
std::string url_in(const std::string& log) {
    const size_t at = log.find(kLoopback);
    if (at == std::string::npos) {
        return "";
    }
    const size_t end = log.find_first_not_of("0123456789", at + std::strlen(kLoopback));
    return end == std::string::npos ? "" : log.substr(at, end - at);
}

}  // namespace

Result<std::unique_ptr<Fleet>> Fleet::make(
    const std::string& parent, std::vector<std::string> environment
) {
    std::string folder = parent + "/servo-loadtest-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) {
        return fail(internal(
            "no_folder",
            "Cannot make a folder in " + parent + ": " + std::strerror(errno) +
                ". Set TMPDIR to a place that can be written."
        ));
    }
    return std::unique_ptr<Fleet>(new Fleet(std::move(folder), std::move(environment)));
}

Fleet::~Fleet() {
    (void)end();
}

Status Fleet::end() {
    // All at once first: each may take a moment to end.
    for (const auto& executor : executors_) {
        executor->ask_to_end();
    }
    executors_.clear();
    server_.reset();
    // Slot processes outlive their executor by a moment, and remove what is theirs meanwhile.
    std::error_code error;
    for (Millis waited{0}; waited < kRemoveWithin; waited += kLookAgain) {
        std::filesystem::remove_all(folder_, error);
        if (!error) {
            return {};
        }
        poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
    }
    return fail(internal(
        "folder_left",
        "Cannot remove " + folder_ + ": " + error.message() + ". Remove it: rm -rf " +
            shell_quote(folder_)
    ));
}

Result<std::string> Fleet::start_server() {
    ChildSpec spec;
    spec.arguments = {
        "server",
        "--data-dir",
        folder_ + "/data",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "off",
        "--log-level",
        "warn"};
    spec.environment = environment_;
    spec.log_path = folder_ + "/server.log";
    server_ = SERVO_TRY(Child::start(spec));
    for (Millis waited{0}; waited < kServerWithin; waited += kLookAgain) {
        if (const std::string url = url_in(server_->log()); !url.empty()) {
            return url;
        }
        if (server_->wait_end(kLookAgain)) {
            break;
        }
    }
    return fail(unavailable(
        "server_did_not_start",
        "The temporary server did not start. The end of its log:\n" + server_->log()
    ));
}

Status Fleet::grow(
    int count, int slots, const std::string& url, const std::vector<std::string>& secrets
) {
    while (executors() < count) {
        const std::string name = "loadtest-" + std::to_string(executors() + 1);
        ChildSpec spec;
        spec.arguments = {
            "executor",
            "--server",
            url,
            "--executor-name",
            name,
            "--slots",
            std::to_string(slots),
            "--label",
            "servo-loadtest=local",
            "--scratch-root",
            folder_,
            "--drain-timeout",
            "1s",
            "--log-level",
            "warn"};
        spec.environment = environment_;
        spec.environment.insert(spec.environment.end(), secrets.begin(), secrets.end());
        spec.log_path = folder_ + "/" + name + ".log";
        executors_.push_back(SERVO_TRY(Child::start(spec)));
    }
    return {};
}

Status Fleet::check() {
    if (server_ && !server_->alive()) {
        return fail(ended("The temporary server", server_->log()));
    }
    for (size_t i = 0; i < executors_.size(); ++i) {
        if (!executors_[i]->alive()) {
            return fail(
                ended("The local executor loadtest-" + std::to_string(i + 1), executors_[i]->log())
            );
        }
    }
    return {};
}

}  // namespace servo::load
