// What all parts of a run share: time, chance, trace, store, checks, and what partitions do when
// they run. Single-threaded.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/prng.h"
#include "sim/auditor.h"
#include "sim/event_queue.h"
#include "sim/findings.h"
#include "sim/ledger.h"
#include "sim/options.h"
#include "sim/plant.h"
#include "sim/trace.h"
#include "store/memory/memory_store.h"

namespace servo::sim {

// 2026-01-01T00:00:00Z, the wall clock at virtual time 0.
constexpr Instant kWorldBegins = instant_ms(1'767'225'600'000);

class World {
 public:
    World(const Options& drawn, Echo echo, Plant& planted)
        : options(drawn),
          plant(planted),
          prng(drawn.seed),
          trace(echo),
          findings(queue),
          auditor(findings, ledger) {}

    const Options options;
    Plant& plant;
    Prng prng;
    EventQueue queue;
    Trace trace;
    Findings findings;
    Ledger ledger;
    Auditor auditor;
    store::MemoryStore store;
    bool healed = false;       // phase B: no more faults
    bool clocks_agree = true;  // no freeze so far that could let two runs of a partition overlap
    std::map<std::string, int64_t> marks;  // how often each fault and rare path was met

    Micros now() const { return queue.now(); }
    Instant true_wall() const {
        return kWorldBegins + std::chrono::duration_cast<Millis>(queue.now());
    }

    template <typename... Args>
    void note(fmt::format_string<Args...> format, Args&&... args) {
        trace.add(queue.now(), fmt::format(format, std::forward<Args>(args)...));
    }
    void mark(const std::string& name) { ++marks[name]; }

    // Uniform in [low, high].
    Micros between(Micros low, Micros high) {
        return Micros(prng.between(low.count(), high.count()));
    }
    bool per_mille(int64_t chance) { return prng.below(1'000) < static_cast<uint64_t>(chance); }
};

}  // namespace servo::sim
