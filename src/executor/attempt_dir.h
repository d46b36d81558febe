// The private folder of a slot: a scratch directory and a result file that each attempt finds as
// new. A folder that an attempt left untouched is used again, which costs a look instead of a
// removal; so it must only be tidied when every process of the attempt is gone. Single-threaded.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "executor/attempt_spec.h"
#include "executor/os.h"

namespace servo::executor {

class AttemptDir {
 public:
    // Makes <prefix><slot> as new: what a slot process that was killed left there goes when the
    // next one of its slot begins. The directory of the prefix exists.
    static Result<AttemptDir> create(const std::string& prefix, int slot);
    AttemptDir(AttemptDir&&) = default;
    AttemptDir& operator=(AttemptDir&&) = default;
    ~AttemptDir();  // removes all of it

    // Valid after prepare().
    const AttemptPlaces& places() const { return places_; }

    // Makes the folder as new for an attempt of `owner` (a tenant); another owner never gets a
    // folder that was used before.
    Status prepare(int64_t owner);
    Status write_keys(const std::string& text);
    // Takes what the attempt wrote into its result file; nullopt when there is none. Error: longer
    // than `bytes_max`, or not a regular file.
    Result<std::optional<std::string>> read_result(size_t bytes_max);
    // Removes what an attempt left.
    void tidy();

 private:
    explicit AttemptDir(std::string home) : home_(std::move(home)) {}
    Status make();
    bool as_new();
    void remove();

    std::string home_;
    std::string attempt_;  // <home>/a<n>: holds `scratch` and `result`
    AttemptPlaces places_;
    UniqueFd attempt_fd_;
    UniqueFd scratch_fd_;
    uint64_t scratch_inode_ = 0;
    int64_t owner_ = 0;
    int64_t made_ = 0;
};

// Removes a tree, also one that its owner protected from writing. False when something is left.
bool remove_tree(const std::string& path);

}  // namespace servo::executor
