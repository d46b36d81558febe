// Who reads the log of a running partition now, and what its executor sent of it since. In memory
// only and bounded: a watch that nobody read for kLogWatchKept is dropped, and with it the
// executor stops sending. Thread-safe; `now` is any clock that never goes back.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/live_log.h"

namespace servo::server {

constexpr size_t kLogWatchesMax = 64;
constexpr Millis kLogWatchKept{5'000};

class LogWatches {
 public:
    // One attempt, as the executor of that session runs it.
    struct Key {
        model::SessionId session;
        model::LeaseId lease;
        uint64_t position = 0;
        auto operator<=>(const Key&) const = default;
    };
    struct Reading {
        bool known = false;  // the executor has answered
        uint64_t offset = 0;
        uint64_t next_offset = 0;
        std::string text;
    };

    // What is there beyond `offset`; makes the watch, or keeps it. Error: resource_exhausted /
    // "too_many_log_readers".
    Result<Reading> read(const Key& key, uint64_t offset, Millis now);
    // Whether anything that the session runs is watched. Takes no lock while nothing is.
    bool wanted_of(model::SessionId session, Millis now);
    // Takes what is watched of the report, drops the rest; returns what the session is to send.
    std::vector<model::LogWish> take(model::LogReport report, Millis now);

 private:
    struct Watch {
        Millis read_at{0};
        bool known = false;
        uint64_t begin = 0;  // where it began to listen
        uint64_t end = 0;    // heard up to here
        std::deque<model::LogChunk> chunks;
        size_t bytes = 0;
    };
    using Watches = std::map<Key, Watch>;

    void expire(Millis now);
    static void append(Watch& watch, model::LogChunk&& chunk);
    std::vector<model::LogWish> wishes_of(model::SessionId session) const;

    std::atomic<size_t> count_{0};
    std::mutex mutex_;
    Watches watches_;  // under mutex_
};

}  // namespace servo::server
