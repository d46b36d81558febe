// Finished partitions per 10-second cell.
#include <algorithm>

#include "core/state.h"

namespace servo::core {
namespace {

constexpr Millis kSpanMin{1'000};  // over less a single partition would be a rate

// The first beginning of a cell that is not before `at`.
Instant cell_begin(Instant at) {
    return instant_ms((to_ms(at) + kRateCellMs - 1) / kRateCellMs * kRateCellMs);
}

}  // namespace

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

uint64_t RateRing::sum(Instant from, Instant to) const {
    const int64_t last = std::min(newest, (to_ms(to) - 1) / kRateCellMs);
    const int64_t kept = newest - static_cast<int64_t>(kRateCells) + 1;
    uint64_t total = 0;
    for (int64_t cell = std::max({to_ms(from) / kRateCellMs, kept, int64_t{0}}); cell <= last;
         ++cell) {
        total += cells[static_cast<size_t>(cell % static_cast<int64_t>(kRateCells))];
    }
    return total;
}

int64_t RateRing::milli_per_second(Instant now, Millis from, Millis to, Instant began) const {
    const Instant begin = std::max(began, cell_begin(now - from));
    const Instant end = std::min(now, cell_begin(now - to));
    if (end <= begin) {
        return 0;
    }
    const Millis span = std::max(kSpanMin, Millis(end - begin));
    return static_cast<int64_t>(sum(begin, end)) * 1'000'000 / span.count();
}

}  // namespace servo::core
