#include "executor/slot_watch.h"

#include <algorithm>

namespace servo::executor {

std::string_view to_string(Stuck stuck) {
    switch (stuck) {
        case Stuck::kTimeout:
            return "timeout";
        case Stuck::kKilled:
            return "killed";
        case Stuck::kStopped:
            return "stopped";
        case Stuck::kNoProgress:
            return "no_progress";
    }
    return "";
}

void Durations::add(Revision revision, Micros took) {
    Kept& kept = kept_[revision];
    kept.turn = ++turn_;
    kept.newest.push_back(took);
    if (kept.newest.size() > kDurationsKept) {
        kept.newest.pop_front();
    }
    if (kept_.size() > kRevisionsKept) {
        kept_.erase(std::min_element(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) {
            return a.second.turn < b.second.turn;
        }));
    }
}

std::optional<Micros> Durations::usual(Revision revision) const {
    const auto found = kept_.find(revision);
    if (found == kept_.end() || found->second.newest.size() < kDurationsMin) {
        return std::nullopt;
    }
    std::vector<Micros> sorted(found->second.newest.begin(), found->second.newest.end());
    const size_t rank = (sorted.size() * 99 + 99) / 100 - 1;
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(sorted.begin(), at, sorted.end());
    return *at;
}

std::optional<Stuck> stuck_as(const SlotSigns& signs, const StuckRules& rules, Micros now) {
    const Micros still = now - signs.moved_at;
    if (signs.running && signs.timeout > Micros(0) && still > signs.timeout + rules.beyond) {
        return Stuck::kTimeout;
    }
    if (signs.killed_at && now - *signs.killed_at > rules.beyond) {
        return Stuck::kKilled;
    }
    // It may not have come to say that it started something.
    if (signs.stopped_at && now - *signs.stopped_at > rules.beyond) {
        return Stuck::kStopped;
    }
    if (signs.running && signs.usual &&
        still > std::max<Micros>(rules.floor, *signs.usual * kUsualFactor)) {
        return Stuck::kNoProgress;
    }
    return std::nullopt;
}

}  // namespace servo::executor
