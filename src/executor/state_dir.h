// The executor's state directory: one executor at a time uses it, and a lock that slot processes
// inherit proves whether those of an earlier life are gone.
#pragma once

#include <string>
#include <vector>

#include "executor/os.h"

namespace servo::executor {

class StateDir {
 public:
    // Makes the directory and takes it. Error: failed_precondition / "state_dir_in_use" while
    // another executor lives in it.
    static Result<StateDir> open(const std::string& path);

    // Waits up to `most` for the slot processes of an earlier life to be gone, which they are soon
    // after their executor. Whether they are; then leftovers of theirs were removed.
    bool wait_for_earlier_slots(Millis most);
    // The same without waiting; for a later try. Once true it stays true.
    bool earlier_slots_gone();

    // Shared with the slot processes, so that the lock lives as long as any of them.
    int slots_lock() const { return slots_.get(); }
    // What the paths of the slots' folders begin with, in this life alone: slots of an earlier one
    // may still be about.
    const std::string& scratch_prefix() const { return scratch_prefix_; }

 private:
    UniqueFd executor_;  // executor.lock
    UniqueFd slots_;     // slots.lock
    bool gone_ = false;
    std::string scratch_prefix_;
    std::vector<std::string> leftovers_;  // folders of the earlier life
};

}  // namespace servo::executor
