// Finished partitions per 10-second cell.
#include <algorithm>

#include "core/state.h"

namespace servo::core {

void RateRing::add(Instant now, uint64_t count) {
    const int64_t cell = to_ms(now) / kRateCellMs;
    if (cell > newest) {
        const int64_t steps = std::min<int64_t>(cell - newest, static_cast<int64_t>(kRateCells));
        for (int64_t i = 1; i <= steps; ++i) {
            cells[static_cast<size_t>((newest + i) % static_cast<int64_t>(kRateCells))] = 0;
        }
        newest = cell;
        cells[static_cast<size_t>(cell % static_cast<int64_t>(kRateCells))] = 0;
    }
    cells[static_cast<size_t>(newest % static_cast<int64_t>(kRateCells))] +=
        static_cast<uint32_t>(count);
}

uint64_t RateRing::sum(Instant now, Millis from, Millis to) const {
    const int64_t first = to_ms(now - from) / kRateCellMs + 1;
    const int64_t last = to_ms(now - to) / kRateCellMs;
    uint64_t total = 0;
    for (int64_t cell = first; cell <= last; ++cell) {
        if (cell <= newest && cell > newest - static_cast<int64_t>(kRateCells) && cell >= 0) {
            total += cells[static_cast<size_t>(cell % static_cast<int64_t>(kRateCells))];
        }
    }
    return total;
}

}  // namespace servo::core
