// Prints what a partition's program prints, as it prints it: live from the executor while it runs,
// the stored end of it afterwards. Used by `partition logs` and `partition run`.
#pragma once

#include <optional>
#include <string>

#include "cli/session.h"

namespace servo::cli {

struct FollowedLog {
    std::string asset;
    std::string key;
    std::string backfill;  // empty: the latest
    int64_t attempt = 0;   // 0: the latest, and those that follow it
};

class LogFollower {
 public:
    LogFollower(Session& session, client::Client& client, FollowedLog log)
        : session_(session), client_(client), log_(std::move(log)) {}

    // Prints what is new. An exit code once the partition, or the attempt that is meant, has ended:
    // 0 completed or skipped, 1 failed.
    Result<std::optional<int>> step();

    // Prints what the running attempt printed so far. True once its executor was heard or it does
    // not run; until then it was asked.
    Result<bool> print_live();
    bool printed_anything() const { return printed_ > 0; }

 private:
    Result<bool> print_stored();
    // What follows belongs to this attempt; says so when it is not the first.
    void turn_to(int64_t attempt, int64_t generation);
    void print(const std::string& text);
    void say_gap(uint64_t bytes);

    Session& session_;
    client::Client& client_;
    FollowedLog log_;
    int64_t attempt_ = 0;
    int64_t generation_ = 0;
    uint64_t printed_ = 0;  // bytes of this attempt's output
    std::string stream_;
};

}  // namespace servo::cli
