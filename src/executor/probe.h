// What an executor answers to whoever watches over it: is it alive, does it want work. Pure.
#pragma once

#include <string>

#include "executor/agent.h"

namespace servo::executor {

// The loop turns at least once a second; after this long it hangs and only a restart helps.
constexpr Millis kHangAfter{15'000};

struct ProbeAnswer {
    bool good = false;
    std::string status;  // ok, or why not
};
ProbeAnswer liveness(Millis since_last_turn, Millis hang_after = kHangAfter);
// Good while it may be given work.
ProbeAnswer readiness(const AgentStatus& status);

}  // namespace servo::executor
