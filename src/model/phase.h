// What the time of an attempt went to, as far as its executor or its program can tell. Persisted
// and on the wire by name. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace servo::model {

enum class Phase {
    kQueueLocal,  // within the program, before the work began
    kDns,
    kConnect,
    kTls,
    kTtfb,      // until the first byte of an answer
    kTransfer,  // the rest of it
    kDbWait,    // for a connection of the program's own pool
    kDbExec,
    kCpu,
    kThrottled,  // ready to compute, and kept from it by a limit
    kIo,
    kSleep,   // waiting on purpose, as between tries of its own
    kOpaque,  // the rest: nobody said
};
constexpr size_t kPhaseCount = 13;
using PhaseMicros = std::array<int64_t, kPhaseCount>;

std::string_view to_string(Phase phase);
// Of a phase that a program may tell: any but "opaque", which is what it leaves.
std::optional<Phase> told_phase_from(std::string_view word);
// "queue_local, dns, …": those words.
std::string told_phase_words();

}  // namespace servo::model
