#include "executor/probe.h"

#include "base/text.h"

namespace servo::executor {

ProbeAnswer liveness(Millis since_last_turn, Millis hang_after) {
    if (since_last_turn > hang_after) {
        return {false, "hangs: the loop has not turned for " + human_duration(since_last_turn)};
    }
    return {true, "ok"};
}

ProbeAnswer readiness(const AgentStatus& status) {
    if (status.ended) {
        return {false, "ended"};
    }
    if (status.draining) {
        return {false, status.slots_busy > 0 ? "draining" : "drained"};
    }
    if (!status.registered) {
        return {false, "not registered with a server"};
    }
    if (!status.server_reached) {
        return {false, "the server does not answer"};
    }
    return {true, "ok"};
}

}  // namespace servo::executor
