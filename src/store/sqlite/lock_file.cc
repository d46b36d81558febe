#include "store/sqlite/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace servo::store::sqlite {
namespace {

constexpr std::string_view kDatabaseWord = "database";
constexpr size_t kContentMax = 256;
// A process that was killed lets go of the lock a moment later than whoever killed it goes on.
constexpr int kLookAgainMs = 50;
constexpr int kLooksMax = 20;  // a second

// First line: the pid that holds the lock; second line: kDatabaseWord once there was a database.
std::string content_of(int fd) {
    std::string out(kContentMax, '\0');
    const ssize_t got = ::pread(fd, out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
}

// Whether the lock is ours; else errno says why. Nothing tells of the end of a process that is no
// child of ours but the lock.
bool take(int fd) {
    for (int look = 1; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++look) {
        if (errno != EWOULDBLOCK || look > kLooksMax) {
            return false;
        }
        ::poll(nullptr, 0, kLookAgainMs);
    }
    return true;
}

Error unwritable(const std::string& path) {
    return failed_precondition(
        "store_unwritable",
        fmt::format(
            "Cannot write {}: {}. Make the folder writable for this user, or name another one with "
            "--data-dir DIR.",
            path,
            std::strerror(errno)
        )
    );
}

}  // namespace

LockFile::LockFile(int fd, std::string path, bool had_database)
    : fd_(fd), path_(std::move(path)), had_database_(had_database) {}

LockFile::LockFile(LockFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      had_database_(other.had_database_) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(path_, other.path_);
    std::swap(had_database_, other.had_database_);
    return *this;
}

LockFile::~LockFile() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Result<LockFile> LockFile::acquire(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(unwritable(path));
    }
    LockFile out(fd, path, false);
    if (!take(fd)) {
        if (errno != EWOULDBLOCK) {
            return fail(unwritable(path));
        }
        const std::string content = content_of(fd);
        const std::string pid = content.substr(0, content.find('\n'));
        return fail(failed_precondition(
            "store_in_use",
            fmt::format(
                "The database is in use by process {} (lock file {}). Stop that process, or use "
                "another folder with --data-dir DIR.",
                pid.empty() ? "?" : pid,
                path
            )
        ));
    }
    out.had_database_ = content_of(fd).find(kDatabaseWord) != std::string::npos;
    SERVO_CHECK(out.write_content(out.had_database_));
    return out;
}

Status LockFile::remember_database() {
    had_database_ = true;
    return write_content(true);
}

Status LockFile::write_content(bool has_database) {
    const std::string content =
        fmt::format("{}\n{}", ::getpid(), has_database ? std::string(kDatabaseWord) + "\n" : "");
    const bool written =
        ::ftruncate(fd_, 0) == 0 &&
        ::pwrite(fd_, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size());
    if (!written || ::fsync(fd_) != 0) {
        return fail(unwritable(path_));
    }
    return {};
}

}  // namespace servo::store::sqlite
