// Spans of what an executor runs: a lease, or the part of one until the slot had nothing left of
// it, and below it the attempts. Follows what slots are fed and what they report. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "executor/keeper.h"
#include "executor/work.h"
#include "trace/span.h"

namespace servo::executor {

constexpr size_t kTracedProgramsMax = 64;  // compiled definitions kept; then all are let go

class AttemptSpans {
 public:
    AttemptSpans(std::string executor, trace::Sink sink)
        : executor_(std::move(executor)), sink_(std::move(sink)) {}

    void fed(const FeedSlot& feed);
    void reported(int slot, const SlotProgress& progress);
    // Nothing more comes of what the slot, or any slot, was fed.
    void ended(int slot);
    void all_ended();

 private:
    struct Stretch {
        model::LeaseId lease;
        uint64_t first_position = 0;
        std::deque<std::shared_ptr<const Part>> parts;  // not yet wholly reported
        Instant start = kNever;
        Instant end = kEpochStart;
        int64_t attempts = 0;
        int64_t failed = 0;
        model::Grant grant;  // the first one
        std::string asset;
    };
    std::shared_ptr<const Program> program_of(const FeedSlot& feed);
    // The part that the position is in; null when the slot was not fed it.
    static const Part* part_at(Stretch& stretch, uint64_t position);
    template <typename Outcome>
    void add_attempt(Stretch& stretch, const Outcome& outcome);
    void close(Stretch& stretch);

    const std::string executor_;
    const trace::Sink sink_;
    std::map<int, Stretch> slots_;
    std::map<std::pair<model::AssetId, int>, std::shared_ptr<const Program>> programs_;
};

}  // namespace servo::executor
