// Prints what a partition's program prints, as it becomes known, until the partition has ended.
// Used by `partition logs -f` and `partition run`.
#pragma once

#include <optional>
#include <string>

#include "cli/session.h"

namespace servo::cli {

class LogFollower {
 public:
    // `backfill` may be empty: the latest one.
    LogFollower(
        Session& session,
        client::Client& client,
        std::string asset,
        std::string key,
        std::string backfill
    )
        : session_(session),
          client_(client),
          asset_(std::move(asset)),
          key_(std::move(key)),
          backfill_(std::move(backfill)) {}

    // Prints what is new. An exit code once the partition has ended: 0 completed or skipped, 1
    // failed.
    Result<std::optional<int>> step();

 private:
    Status print_new();

    Session& session_;
    client::Client& client_;
    std::string asset_;
    std::string key_;
    std::string backfill_;
    int64_t attempt_ = 0;
    int64_t generation_ = 0;
    uint64_t printed_ = 0;
};

}  // namespace servo::cli
