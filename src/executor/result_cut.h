// What of the queued results fits into one report.
//
// There are two budgets, counted in bytes as they travel. One is for failures, with their messages
// and log tails: what does not fit waits for the next report. The other is for the tails of
// successes: the newest that fit stay and the others are emptied, since results must not wait for
// what talkative programs print. So a partition of a second or more keeps its 64 KiB, and thousands
// of quick ones cost the server and its store no more than that budget.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "model/protocol.h"
#include "model/records.h"

namespace servo::executor {

// What a report has room for.
struct ReportRoom {
    size_t results = 0;
    size_t failure_bytes = 0;
};

// A character has six bytes in JSON at most.
constexpr size_t kFailureBytesMost = 6 * (model::kLogTailBytesMax + model::kMessageBytesMax + 250);

// The length of `text` in JSON.
size_t wire_bytes(std::string_view text);

inline size_t result_count(const model::LeaseResults& results) {
    return results.done.size() + results.failed.size();
}

// Moves the next positions out of `queue`, as many as there is room for, and takes them off `room`.
// A failure that does not fit ends the cut; one alone is at most kFailureBytesMost.
model::LeaseResults cut_front(model::LeaseResults& queue, ReportRoom& room);

// Empties tails of successes, all together, until those left take `bytes_max` at most: the newest
// that fit. Returns what they take.
size_t keep_newest_logs(const std::vector<model::LeaseResults*>& all, size_t bytes_max);

// Puts `results`, which precede those in `queue`, back.
void put_front(model::LeaseResults& queue, const model::LeaseResults& results);

}  // namespace servo::executor
