// The agent's end of one slot process: starts it, speaks with it, buries it. Used from the agent's
// thread only.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "executor/os.h"
#include "executor/slot_wire.h"

namespace servo::executor {

struct SlotLaunch {
    std::vector<std::string> command;  // of the slot process; argv[0] is its path
    int lock_fd = -1;                  // given to it as kSlotLockFd
};

class SlotHost {
 public:
    // Starts the process and sends `hello`. Precondition: !running().
    Status start(const SlotLaunch& launch, const wire::Hello& hello);
    bool running() const { return static_cast<bool>(socket_); }
    pid_t pid() const { return pid_; }
    int fd() const { return socket_.get(); }
    bool wants_to_write() const { return !writer_.empty(); }

    void send(const wire::ToSlot& message);
    // The definition goes first, unless it is the one that the slot has.
    void feed(
        uint64_t first_position, const model::Grant& grant, const model::Definition& definition
    );
    // False when the process is gone or sent nonsense; then call bury().
    bool flush() { return writer_.flush(socket_.get()); }
    bool receive(std::vector<wire::FromSlot>& messages);

    // Closes the socket, on which the process kills what it runs and ends.
    void close();
    // Ends the process, also one that was stopped; reaped() tells when it is gone.
    void kill() const;
    // Collects the process once it ended; true when it is gone. After close() or a failure.
    bool reaped();
    // Closes the socket and ends the process for sure, even one that does not react.
    void bury();

 private:
    pid_t pid_ = 0;
    UniqueFd socket_;
    FrameReader reader_;
    FrameWriter writer_;
    std::optional<std::pair<model::AssetId, int>> defined_;
};

}  // namespace servo::executor
