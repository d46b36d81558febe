// Moves the write-ahead log into the file between batches, on the writer connection, and warns when
// something keeps it from shrinking. Not thread-safe.
#pragma once

#include "store/sqlite/connection.h"

namespace servo::store::sqlite {

constexpr int64_t kCheckpointAtBytes = 4 << 20;  // of write-ahead log since the last one
constexpr int64_t kLogAlarmBytes = 256 << 20;

class LogKeeper {
 public:
    // `db` outlives it.
    explicit LogKeeper(Connection& db);
    ~LogKeeper();
    LogKeeper(const LogKeeper&) = delete;

    // Moves what has gathered, when it is enough. True: it did.
    Result<bool> step();

 private:
    void log_grew(int pages);

    Connection& db_;
    int pages_in_log_ = 0;  // after the last commit
    int checkpoint_at_pages_ = 0;
    bool alarmed_ = false;
};

}  // namespace servo::store::sqlite
