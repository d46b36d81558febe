#include "apps/file_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace servo::apps {
namespace {

constexpr int kQuietMs = 150;  // editors save in several steps

bool is_asset_file(std::string_view name) {
    return name.ends_with(".yaml") || name.ends_with(".yml");
}

}  // namespace

Result<FileWatch> FileWatch::open(const std::string& path) {
    std::error_code error;
    const std::filesystem::path absolute =
        std::filesystem::absolute(path, error).lexically_normal();
    const bool folder = std::filesystem::is_directory(absolute, error);
    const std::string watched = folder ? absolute.string() : absolute.parent_path().string();
    const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0 ||
        inotify_add_watch(fd, watched.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0) {
        const int error_number = errno;
        const std::string why = std::strerror(error_number);
        if (fd >= 0) {
            close(fd);
        }
        if (error_number == ENOENT) {
            return fail(not_found("no_such_file", "Cannot watch " + watched + ": " + why + "."));
        }
        return fail(internal("cannot_watch", "Cannot watch " + watched + ": " + why + "."));
    }
    return FileWatch(fd, folder ? "" : absolute.filename().string());
}

FileWatch::FileWatch(FileWatch&& other) noexcept : fd_(other.fd_), name_(std::move(other.name_)) {
    other.fd_ = -1;
}

FileWatch::~FileWatch() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

// Whether one of the waiting events is about our files.
bool FileWatch::read_events() {
    bool ours = false;
    alignas(inotify_event) std::array<char, 16 * 1024> buffer{};
    for (;;) {
        const ssize_t size = read(fd_, buffer.data(), buffer.size());
        if (size <= 0) {
            return ours;
        }
        for (ssize_t at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* name = buffer.data() + at + sizeof event;
            ours = ours || (event.mask & IN_Q_OVERFLOW) != 0;  // some were not told
            ours = ours || (event.len > 0 && (name_.empty() ? is_asset_file(name) : name_ == name));
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
}

bool FileWatch::wait(int stop_fd) {
    bool saved = false;
    for (;;) {
        pollfd fds[2] = {{fd_, POLLIN, 0}, {stop_fd, POLLIN, 0}};
        const int ready = poll(fds, 2, saved ? kQuietMs : -1);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if ((fds[1].revents & POLLIN) != 0) {
            return false;
        }
        if (ready == 0) {
            return true;
        }
        saved = read_events() || saved;
    }
}

}  // namespace servo::apps
