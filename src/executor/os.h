// Small owners around what the operating system hands out, and the two clocks that the executor
// reads. Thread-safe as far as the values are not shared.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "base/time.h"

namespace servo::executor {

// Owns a file descriptor; -1 = none.
class UniqueFd {
 public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~UniqueFd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    void reset(int fd = -1);

 private:
    int fd_ = -1;
};

// Time since boot, suspension included (CLOCK_BOOTTIME): what leases and timeouts are counted in.
Micros boot_now();
// Wall clock, for what people read.
Instant wall_now();

// "cannot open /x: Permission denied" as an internal error with reason "os_error".
Error os_error(std::string_view what, int error_number);
// Text of an errno value; thread-safe.
std::string error_text(int error_number);

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};
// Both ends close on exec; the read end does not block.
Result<Pipe> make_pipe();

Status set_nonblocking(int fd);

// Creates the directory and its parents with mode 0700; one that exists is fine.
Status make_directories(const std::string& path);

}  // namespace servo::executor
