// What an executor sends of its partitions' output while somebody reads it: a step function beside
// the keeper. Idle until a report's reply says that something is wanted; then it asks the slots
// every kLogAskEvery and sends what is new, and learns with each reply what is still wanted.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "executor/log_tail.h"
#include "model/live_log.h"

namespace servo::executor {

constexpr Micros kLogAskEvery{250'000};
constexpr Micros kLogAnswerWait{1'000'000};  // a slot that says nothing for so long is passed over
constexpr Micros kLogRenewAfter{1'500'000};  // without news: ask the server whether it still reads

class LogFeed {
 public:
    struct Ask {
        uint64_t id = 0;
        model::LogWish wish;
    };

    // The server said that something is wanted.
    void wanted();
    // What the server answered to the report that was taken last. An error ends the feed until the
    // server says again that something is wanted.
    void on_reply(Result<std::vector<model::LogWish>> wishes, Micros now);
    // What a slot answered; nullopt: the lease is no slot's.
    void on_answer(uint64_t id, std::optional<LogTailBuffer::Piece> piece, Micros now);

    // To be put to the slots now.
    std::vector<Ask> take_asks(Micros now);
    // To be sent to the server now, if anything; empty: only to learn what is wanted.
    std::optional<std::vector<model::LogChunk>> take_report(Micros now);
    Micros next_due() const;

 private:
    using Place = std::pair<model::LeaseId, uint64_t>;

    bool news() const;

    bool wanted_ = false;     // a report is due, whatever there is
    bool under_way_ = false;  // a report is
    std::vector<model::LogWish> wishes_;
    std::map<uint64_t, model::LogWish> unanswered_;
    std::vector<model::LogChunk> chunks_;
    std::set<Place> told_;  // wishes that were answered at least once
    uint64_t last_id_ = 0;
    Micros asked_at_{0};
    Micros replied_at_{0};
};

}  // namespace servo::executor
