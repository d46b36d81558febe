// A process of this program that a load test starts and ends: a server or an executor. It ends with
// whoever started it, however that ends. Not thread-safe; start and stop on one thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace servo::load {

struct ChildSpec {
    std::vector<std::string> arguments;    // without the program's name
    std::vector<std::string> environment;  // NAME=value: all that it gets
    std::string log_path;                  // its stdout and stderr; made anew
};

class Child {
 public:
    // Error: internal / "cannot_start".
    static Result<std::unique_ptr<Child>> start(const ChildSpec& spec);
    // Ends it: SIGTERM, and SIGKILL for what is still there after kEndWithin.
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    static constexpr Millis kEndWithin{10'000};

    pid_t pid() const { return pid_; }
    // Asks it to end; the destructor waits.
    void ask_to_end();
    // False once it ended by itself.
    bool alive();
    // Waits until it has ended, so long at most; whether it has.
    bool wait_end(Millis most);
    std::string log() const;  // at most the last 64 KiB

 private:
    Child(pid_t pid, int handle, std::string log_path)
        : pid_(pid), handle_(handle), log_path_(std::move(log_path)) {}

    pid_t pid_;
    int handle_;  // pidfd
    bool gone_ = false;
    std::string log_path_;
};

}  // namespace servo::load
