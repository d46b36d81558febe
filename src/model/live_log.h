// What a running partition prints, on its way from its executor to whoever reads it now. Beside the
// executor protocol (model/protocol.h): nothing here is decided by the scheduler or persisted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.h"

namespace servo::model {

constexpr size_t kLogWishesMax = 16;  // of one session, in one reply; chunks in one report

// Somebody reads what the position of the lease prints, and has its first `offset` bytes.
struct LogWish {
    LeaseId lease;
    uint64_t position = 0;
    uint64_t offset = 0;
    bool operator==(const LogWish&) const = default;
};

// Bytes [offset, next_offset) of what it printed, with secrets taken out; `offset` is beyond the
// wished one when the bytes between are gone. Empty: nothing new; the executor heard the wish.
struct LogChunk {
    LeaseId lease;
    uint64_t position = 0;
    uint64_t offset = 0;
    uint64_t next_offset = 0;
    std::string text;  // at most kLogTailBytesMax
    bool operator==(const LogChunk&) const = default;
};

struct LogReport {
    SessionId session;
    std::vector<LogChunk> chunks;
};

}  // namespace servo::model
