// Events of the timeline by what they change: few words for counters and for marks in plots.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace servo::model {

enum class ChangeKind {
    kApply,     // assets, pools and tenants were defined
    kLimit,     // a limit, weight or setting was set, or its time was over
    kPool,      // held or released, by a person or a breaker
    kExecutor,  // joined, left, drained
    kBackfill,  // created, paused, resumed, …
    kToken,
    kLeader,
    kOther,
};
constexpr size_t kChangeKindCount = 8;
using ChangeCounts = std::array<int64_t, kChangeKindCount>;

std::string_view to_string(ChangeKind kind);
// Of an event's kind: "pool.set" → kLimit.
ChangeKind change_kind(std::string_view event_kind);

}  // namespace servo::model
