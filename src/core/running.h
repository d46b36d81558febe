// Where a running partition runs: for what is asked of its executor alone, such as its log.
// Pure; a live read between batches.
#pragma once

#include <optional>

#include "core/scheduler.h"

namespace servo::core {

struct RunningPlace {
    model::SessionId session;
    model::LeaseId lease;
    uint64_t position = 0;  // in the lease
    int attempt = 1;
    int generation = 1;
};

// nullopt unless the partition is the next to be reported of a lease that its executor has started.
std::optional<RunningPlace> running_place(
    const Scheduler& scheduler, model::JobId job, model::Index index
);

}  // namespace servo::core
