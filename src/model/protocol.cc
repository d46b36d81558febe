#include "model/protocol.h"

namespace servo::model {

std::string_view to_string(SlotState state) {
    constexpr std::array<std::string_view, kSlotStateCount> kNames = {
        "idle", "held", "busy", "report", "draining"};
    return kNames[static_cast<size_t>(state)];
}

uint64_t Grant::size() const {
    uint64_t total = 0;
    for (const Run& run : runs) {
        total += run.size();
    }
    return total;
}

std::string_view to_string(LeaseAction action) {
    constexpr std::array<std::string_view, 3> kNames = {"shrink", "stop", "unknown"};
    return kNames[static_cast<size_t>(action)];
}

}  // namespace servo::model
