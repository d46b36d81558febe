#include "executor/attempt_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace servo::executor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScratch = "scratch";
constexpr const char* kResult = "result";
constexpr const char* kKeys = "keys";

// As the kernel lays out a directory entry.
struct KernelEntry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[1];
};

// Whether the directory holds nothing but `allowed` (may be null). One buffer is enough to tell.
bool holds_only(int directory, const char* allowed) {
    alignas(KernelEntry) char buffer[1024];
    if (::lseek(directory, 0, SEEK_SET) != 0) {
        return false;
    }
    for (;;) {
        const long size = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
        if (size <= 0) {
            return size == 0;
        }
        for (long at = 0; at < size;) {
            const char* entry = buffer + at;
            const char* name = entry + offsetof(KernelEntry, name);
            const bool expected = std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0 ||
                                  (allowed != nullptr && std::strcmp(name, allowed) == 0);
            if (!expected) {
                return false;
            }
            uint16_t length = 0;
            std::memcpy(&length, entry + offsetof(KernelEntry, length), sizeof length);
            at += length;
        }
    }
}

// Directories without write permission keep their content from being removed.
void make_writable(const fs::path& path) {
    std::error_code error;
    if (!fs::is_directory(fs::symlink_status(path, error))) {
        return;
    }
    ::chmod(path.c_str(), 0700);
    for (fs::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error)) {
        make_writable(entry->path());
    }
}

}  // namespace

bool remove_tree(const std::string& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) {
        make_writable(path);
        fs::remove_all(path, error);
    }
    return !error;
}

Result<AttemptDir> AttemptDir::create(const std::string& prefix, int slot) {
    std::string home = fmt::format("{}{}", prefix, slot);
    if (!remove_tree(home) || ::mkdir(home.c_str(), 0700) != 0) {
        return fail(os_error(fmt::format("create the directory {}", home), errno));
    }
    return AttemptDir(std::move(home));
}

AttemptDir::~AttemptDir() {
    if (!home_.empty()) {
        remove_tree(home_);
    }
}

Status AttemptDir::prepare(int64_t owner) {
    if (attempt_fd_ && owner != owner_) {
        remove();
    }
    owner_ = owner;
    return attempt_fd_ ? Status() : make();
}

Status AttemptDir::make() {
    attempt_ = fmt::format("{}/a{}", home_, ++made_);
    places_ = {
        fmt::format("{}/{}", attempt_, kScratch),
        fmt::format("{}/{}", attempt_, kResult),
        fmt::format("{}/{}", attempt_, kKeys)};
    if (::mkdir(attempt_.c_str(), 0700) != 0 || ::mkdir(places_.scratch_dir.c_str(), 0700) != 0) {
        return fail(os_error(fmt::format("create the directory {}", attempt_), errno));
    }
    attempt_fd_.reset(::open(attempt_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    scratch_fd_.reset(::open(places_.scratch_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat info {};
    if (!attempt_fd_ || !scratch_fd_ || ::fstat(scratch_fd_.get(), &info) != 0) {
        const int error_number = errno;
        remove();
        return fail(os_error(fmt::format("open the directory {}", attempt_), error_number));
    }
    scratch_inode_ = info.st_ino;
    return {};
}

Status AttemptDir::write_keys(const std::string& text) {
    const UniqueFd fd(
        ::openat(attempt_fd_.get(), kKeys, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
    );
    size_t sent = 0;
    while (fd && sent < text.size()) {
        const ssize_t wrote = ::write(fd.get(), text.data() + sent, text.size() - sent);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            break;
        }
        sent += static_cast<size_t>(wrote);
    }
    if (!fd || sent < text.size()) {
        return fail(os_error(fmt::format("write {}", places_.keys_file), errno));
    }
    return {};
}

Result<std::optional<std::string>> AttemptDir::read_result(size_t bytes_max) {
    const UniqueFd fd(::openat(
        attempt_fd_.get(), kResult, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
    ));
    if (!fd && errno == ENOENT) {
        return std::nullopt;
    }
    const int error_number = errno;
    ::unlinkat(attempt_fd_.get(), kResult, 0);
    if (!fd) {
        return fail(os_error("open the result file", error_number));
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return fail(invalid_argument("bad_result_file", "the result file is not a regular file"));
    }
    if (static_cast<size_t>(info.st_size) > bytes_max) {
        return fail(invalid_argument(
            "bad_result_file", fmt::format("the result file is longer than {} bytes", bytes_max)
        ));
    }
    std::string text(static_cast<size_t>(info.st_size), '\0');
    size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        size += static_cast<size_t>(got);
    }
    text.resize(size);
    return text;
}

// Nothing was added, renamed or locked away: the next attempt cannot tell it from a new one.
bool AttemptDir::as_new() {
    struct stat info {};
    return holds_only(attempt_fd_.get(), kScratch) &&
           ::fstatat(attempt_fd_.get(), kScratch, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
           info.st_ino == scratch_inode_ && info.st_mode == (S_IFDIR | 0700) &&
           holds_only(scratch_fd_.get(), nullptr);
}

void AttemptDir::tidy() {
    if (!attempt_fd_) {
        return;
    }
    if (!as_new()) {
        remove();
    }
}

void AttemptDir::remove() {
    attempt_fd_.reset();
    scratch_fd_.reset();
    remove_tree(attempt_);  // what resists goes with the slot's folder, or with the next start
}

}  // namespace servo::executor
