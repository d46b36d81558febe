#include "executor/os.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

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
    const std::filesystem::path whole(path);
    std::filesystem::path part;
    for (const std::filesystem::path& name : whole) {
        part /= name;
        if (::mkdir(part.c_str(), 0700) != 0) {
            const int error_number = errno == EEXIST ? ENOTDIR : errno;
            struct stat info {};
            if (::stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
                return fail(
                    os_error(fmt::format("create the directory {}", part.string()), error_number)
                );
            }
        }
    }
    return {};
}

}  // namespace servo::executor
