#include "executor/os.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/private_folder.h"

namespace servo::executor {

void UniqueFd::reset(int fd) {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = fd;
}

Micros boot_now() {
    timespec ts{};
    ::clock_gettime(CLOCK_BOOTTIME, &ts);
    return Micros(ts.tv_sec * 1'000'000 + ts.tv_nsec / 1'000);
}

Instant wall_now() {
    timespec ts{};
    ::clock_gettime(CLOCK_REALTIME, &ts);
    return instant_ms(ts.tv_sec * 1'000 + ts.tv_nsec / 1'000'000);
}

std::string error_text(int error_number) {
    return std::generic_category().message(error_number);
}

Error os_error(std::string_view what, int error_number) {
    return internal("os_error", fmt::format("cannot {}: {}", what, error_text(error_number)));
}

Result<Pipe> make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return fail(os_error("make a pipe", errno));
    }
    Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
    SERVO_CHECK(set_nonblocking(pipe.read.get()));
    return pipe;
}

Status set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return fail(os_error("make a descriptor non-blocking", errno));
    }
    return {};
}

Status make_directories(const std::string& path) {
    if (const std::error_code failed = make_private_folder(path)) {
        return fail(os_error(fmt::format("create the directory {}", path), failed.value()));
    }
    return {};
}

}  // namespace servo::executor
