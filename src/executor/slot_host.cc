#include "executor/slot_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

extern char** environ;

namespace servo::executor {

Status SlotHost::start(const SlotLaunch& launch, const wire::Hello& hello) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail(os_error("make a socket pair for a slot", errno));
    }
    UniqueFd ours(ends[0]);
    // Moved out of the way of the descriptors that it and the lock get in the new process.
    const UniqueFd theirs(::fcntl(ends[1], F_DUPFD_CLOEXEC, 10));
    ::close(ends[1]);
    const UniqueFd lock(launch.lock_fd >= 0 ? ::fcntl(launch.lock_fd, F_DUPFD_CLOEXEC, 10) : -1);
    if (!theirs) {
        return fail(os_error("make a descriptor for a slot", errno));
    }

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), kSlotFd);
    if (lock) {
        ::posix_spawn_file_actions_adddup2(&actions, lock.get(), kSlotLockFd);
    }
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    std::vector<char*> argv;
    for (const std::string& word : launch.command) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int error_number =
        ::posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error_number != 0) {
        return fail(
            os_error(fmt::format("start the slot process {}", launch.command[0]), error_number)
        );
    }
    pid_ = pid;
    socket_ = std::move(ours);
    reader_ = {};
    writer_ = {};
    defined_.reset();
    send(hello);
    return {};
}

void SlotHost::send(const wire::ToSlot& message) {
    wire::encode(writer_.buffer(), message);
}

void SlotHost::feed(
    uint64_t first_position, const model::Grant& grant, const model::Definition& definition
) {
    const std::pair name{definition.asset, definition.revision};
    if (defined_ != name) {
        wire::encode_define(writer_.buffer(), definition);
        defined_ = name;
    }
    wire::encode_feed(writer_.buffer(), first_position, grant);
}

bool SlotHost::receive(std::vector<wire::FromSlot>& messages) {
    if (!reader_.fill(socket_.get())) {
        return false;
    }
    for (;;) {
        const auto frame = reader_.next();
        if (!frame) {
            return false;
        }
        if (!*frame) {
            return true;
        }
        auto message = wire::decode_from_slot(**frame);
        if (!message) {
            return false;
        }
        messages.push_back(*std::move(message));
    }
}

void SlotHost::close() {
    socket_.reset();
}

void SlotHost::kill() const {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
    }
}

bool SlotHost::reaped() {
    if (pid_ == 0) {
        return true;
    }
    int status = 0;
    const pid_t got = ::waitpid(pid_, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        return false;
    }
    pid_ = 0;
    return true;
}

void SlotHost::bury() {
    socket_.reset();
    if (pid_ == 0) {
        return;
    }
    kill();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
}

}  // namespace servo::executor
