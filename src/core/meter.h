// What the ledger counts, as one list of meters with their words: the states of slots, the gates of
// waiting work, what was achieved, and the phases of busy time. Every slot-second is in exactly one
// of the slot meters; that of an attempt which ended is in exactly one phase, too.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/views.h"
#include "model/failure.h"
#include "model/phase.h"

namespace servo::core {

using Meter = uint8_t;

// Slot time, µs.
constexpr Meter kMeterDown = 0;      // its executor is gone, silent, draining or not back yet
constexpr Meter kMeterNoWork = 1;    // free, and fewer partitions wait than slots are free
constexpr Meter kMeterDispatch = 2;  // free though eligible work waits
constexpr Meter kMeterHeld = 3;    // leased, nothing of it runs: on its way, or between partitions
constexpr Meter kMeterUseful = 4;  // an attempt that succeeded
constexpr Meter kMeterOpen = 5;    // an attempt whose end is not known yet
constexpr Meter kMeterReport = 6;  // finished, its result not yet answered
constexpr Meter kMeterGated = 7;   // + gate: free, and what waits is held back by it
constexpr Meter kMeterWaste = kMeterGated + kGateCount;  // + class: an attempt that failed
constexpr Meter kMeterCancelled = kMeterWaste + kFailureClassCount;  // stopped by a person
constexpr Meter kMeterSlotEnd = kMeterCancelled + 1;
// Waiting partitions, ms: + gate; that of Gate::kNone is "capacity".
constexpr Meter kMeterWait = kMeterSlotEnd;
constexpr Meter kMeterWaitEnd = kMeterWait + kGateCount;
// Slot time at baseline cost, µs: successes at the mean of their revision's baseline.
constexpr Meter kMeterEarned = kMeterWaitEnd;
// Counts.
constexpr Meter kMeterCompleted = kMeterEarned + 1;       // partitions
constexpr Meter kMeterFailed = kMeterCompleted + 1;       // partitions, for good
constexpr Meter kMeterFailedAttempts = kMeterFailed + 1;  // attempts, retried ones too
// Busy time by phase, µs: + phase.
constexpr Meter kMeterPhase = kMeterFailedAttempts + 1;
constexpr size_t kMeterCount = kMeterPhase + kPhaseCount;

constexpr Meter gated(Gate gate) {
    return static_cast<Meter>(kMeterGated + static_cast<size_t>(gate));
}
constexpr Meter waste(FailureClass klass) {
    return static_cast<Meter>(kMeterWaste + static_cast<size_t>(klass));
}
constexpr Meter waits(Gate gate) {
    return static_cast<Meter>(kMeterWait + static_cast<size_t>(gate));
}
constexpr Meter spent_in(Phase phase) {
    return static_cast<Meter>(kMeterPhase + static_cast<size_t>(phase));
}
// Of an attempt that ended.
constexpr bool is_busy(Meter meter) {
    return meter == kMeterUseful || (meter >= kMeterWaste && meter < kMeterSlotEnd);
}
constexpr bool is_phase(Meter meter) {
    return meter >= kMeterPhase && meter < kMeterCount;
}
constexpr bool is_slot_time(Meter meter) {
    return meter < kMeterSlotEnd;
}
constexpr bool is_waiting(Meter meter) {
    return meter >= kMeterWait && meter < kMeterWaitEnd;
}

// "slot.idle.gated:pool_held", "wait.capacity", "earned", "partitions.completed", "phase.cpu".
std::string word_of(Meter meter);
// In milliseconds, or as counted.
int64_t whole(Meter meter, int64_t amount);

struct Amount {
    Meter meter;
    int64_t value;
};

// Amounts by meter, those that are not zero, ascending: most scopes have a handful.
class Meters {
 public:
    void add(Meter meter, int64_t value);
    void add(const Meters& other);
    int64_t operator[](Meter meter) const;
    int64_t slot_time() const;  // µs
    const std::vector<Amount>& amounts() const { return amounts_; }
    bool empty() const { return amounts_.empty(); }
    void clear() { amounts_.clear(); }
    LedgerAmounts words() const;

 private:
    std::vector<Amount> amounts_;
};

}  // namespace servo::core
