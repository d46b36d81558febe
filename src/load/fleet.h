// Where a load test runs: a folder of its own, in it a temporary server if one is wanted, and local
// executors. All of it ends, and the folder goes, with end() or the object. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "load/child.h"

namespace servo::load {

constexpr Millis kServerWithin{30'000};
constexpr Millis kExecutorsWithin{30'000};

class Fleet {
 public:
    // `environment`: what the processes inherit (PATH, HOME, …), without any setting of Servo.
    // Error: internal / "no_folder".
    static Result<std::unique_ptr<Fleet>> make(
        const std::string& parent, std::vector<std::string> environment
    );
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    // Starts a server on loopback with a store of its own; its URL. Errors: "cannot_start",
    // unavailable / "server_did_not_start" with the end of its log.
    Result<std::string> start_server();
    // Executors for the server at `url` until there are `count`, each with `slots`. `secrets`:
    // variables with token and certificates. They are started, not yet registered.
    Status grow(
        int count, int slots, const std::string& url, const std::vector<std::string>& secrets
    );

    // Ends what runs and removes the folder. Error: internal / "folder_left" with the command that
    // removes it.
    Status end();

    // Of the temporary server; 0 = none.
    pid_t server_pid() const { return server_ ? server_->pid() : 0; }
    int executors() const { return static_cast<int>(executors_.size()); }
    // Error: unavailable / "process_ended" with the end of its log, when one of them ended.
    Status check();

 private:
    Fleet(std::string folder, std::vector<std::string> environment)
        : folder_(std::move(folder)), environment_(std::move(environment)) {}

    std::string folder_;
    std::vector<std::string> environment_;
    std::unique_ptr<Child> server_;
    std::vector<std::unique_ptr<Child>> executors_;
};

}  // namespace servo::load
