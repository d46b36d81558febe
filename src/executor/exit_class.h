// From how a process ended to a failure class (docs/reference/partition_programs.md). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "model/failure.h"

namespace servo::executor {

// Why the slot killed it, if it did.
enum class KillReason { kNone, kTimeout, kMemory, kLost };

struct ProcessEnd {
    bool signalled = false;
    int code = 0;  // exit code, or the signal's number
    KillReason killed = KillReason::kNone;
    bool oom_killed = false;  // the kernel's out-of-memory killer struck while it ran
    int64_t max_rss_kb = -1;  // not known below what the slot process itself has
    // As FailedResult::exit_code: -signal for a signal.
    int exit_code() const { return signalled ? -code : code; }
};

// nullopt = completed. `own` is the asset's exit code map, which comes before the table;
// `memory_bytes` is the limit, 0 = none.
std::optional<model::FailureClass> classify(
    const ProcessEnd& end, const std::map<int, model::FailureClass>& own, int64_t memory_bytes
);

// "exited with code 3", "was killed by signal 11 (Segmentation fault)", …
std::string describe(const ProcessEnd& end);

}  // namespace servo::executor
