// Cutting a lease's queued results to what fits into one report, in the order of positions.
#pragma once

#include <cstddef>

#include "model/protocol.h"

namespace servo::executor {

// What a report has room for.
struct ReportRoom {
    size_t results = 0;
    size_t log_bytes = 0;
};

inline size_t result_count(const model::LeaseResults& results) {
    return results.done.size() + results.failed.size();
}

// Moves the next positions out of `queue`, as many as there is room for, and takes them off `room`.
// A failure's log tail that does not fit ends the cut; a success' tail is emptied instead, so that
// talkative programs do not delay results.
model::LeaseResults cut_front(model::LeaseResults& queue, ReportRoom& room);

// Puts `results`, which precede those in `queue`, back.
void put_front(model::LeaseResults& queue, const model::LeaseResults& results);

}  // namespace servo::executor
