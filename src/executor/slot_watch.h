// Whether what a slot runs is stuck, as far as its executor can know: past its timeout and not
// ended by it, killed and not gone, or without a sign of life for far longer than the asset's
// partitions take. Values and pure functions; the time is given.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/ids.h"

namespace servo::executor {

enum class Stuck { kTimeout, kKilled, kStopped, kNoProgress };
std::string_view to_string(Stuck stuck);  // the words of api::StuckSlot::reason

constexpr int kUsualFactor = 3;           // times the usual duration
constexpr size_t kDurationsKept = 128;    // of an asset revision, the newest
constexpr size_t kDurationsMin = 20;      // fewer say nothing
constexpr size_t kRevisionsKept = 1'024;  // then the one that was silent longest is forgotten

// What the partitions of each asset revision took, as seen by this executor.
class Durations {
 public:
    using Revision = std::pair<model::AssetId, int>;
    void add(Revision revision, Micros took);
    // The 99th percentile; nullopt while too few are known.
    std::optional<Micros> usual(Revision revision) const;

 private:
    struct Kept {
        std::deque<Micros> newest;
        uint64_t turn = 0;
    };
    std::map<Revision, Kept> kept_;
    uint64_t turn_ = 0;
};

struct SlotSigns {
    bool running = false;                   // started something that it has not finished
    Micros moved_at{0};                     // its last sign of progress
    Micros timeout{0};                      // of what runs; 0 = none
    std::optional<Micros> killed_at;        // asked to kill it, and not answered
    std::optional<Micros> usual;            // of what runs
    std::optional<Micros> stopped_at = {};  // its process is stopped, as by SIGSTOP
};
struct StuckRules {
    Micros beyond{15'000'000};  // a timeout or a kill: grace for the program to end, and for us
    Micros floor{300'000'000};  // no progress is never said before
};
std::optional<Stuck> stuck_as(const SlotSigns& signs, const StuckRules& rules, Micros now);

}  // namespace servo::executor
