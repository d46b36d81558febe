#include "executor/state_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "executor/attempt_dir.h"

namespace servo::executor {
namespace {

constexpr Millis kLookAgain{20};
// One that was killed lets go of its lock a moment later than whoever killed it goes on.
constexpr Millis kLetGoWithin{1'000};

Result<UniqueFd> open_lock(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) {
        return fail(os_error(fmt::format("open the lock file {}", path), errno));
    }
    return fd;
}

// Whether the lock is ours, at the latest after `most`. Its holder is no child of ours, so nothing
// tells of its end but the lock.
bool take_within(int fd, Millis most) {
    const Micros until = boot_now() + most;
    while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (boot_now() >= until) {
            return false;
        }
        ::poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
    }
    return true;
}

}  // namespace

Result<StateDir> StateDir::open(const std::string& path) {
    StateDir dir;
    std::error_code error;
    const std::string absolute = std::filesystem::absolute(path, error).string();
    const std::string scratch = absolute + "/scratch";
    SERVO_CHECK(make_directories(scratch));
    dir.executor_ = SERVO_TRY(open_lock(absolute + "/executor.lock"));
    dir.slots_ = SERVO_TRY(open_lock(absolute + "/slots.lock"));
    if (!take_within(dir.executor_.get(), kLetGoWithin)) {
        return fail(failed_precondition(
            "state_dir_in_use",
            fmt::format(
                "another executor uses the state directory {}: stop it, or give this one another "
                "name with --executor-name",
                absolute
            )
        ));
    }
    for (std::filesystem::directory_iterator entry(scratch, error), end; !error && entry != end;
         entry.increment(error)) {
        dir.leftovers_.push_back(entry->path().string());
    }
    dir.scratch_prefix_ = fmt::format("{}/{}-{}-slot-", scratch, ::getpid(), boot_now().count());
    return dir;
}

bool StateDir::wait_for_earlier_slots(Millis most) {
    const Micros until = boot_now() + most;
    while (!earlier_slots_gone() && boot_now() < until) {
        // The holder is no child of ours, so nothing tells of its end but the lock.
        ::poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
    }
    return gone_;
}

bool StateDir::earlier_slots_gone() {
    if (!gone_ && ::flock(slots_.get(), LOCK_EX | LOCK_NB) == 0) {
        gone_ = true;
        for (const std::string& leftover : leftovers_) {
            remove_tree(leftover);
        }
        leftovers_.clear();
    }
    return gone_;
}

}  // namespace servo::executor
