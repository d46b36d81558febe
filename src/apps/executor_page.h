// What an executor exports of itself to Prometheus (src/metrics declares it).
#pragma once

#include "executor/agent.h"
#include "metrics/page.h"

namespace servo::apps {

// Shares are of the time since the look before at `machine`. One thread at a time.
metrics::Page executor_page(const executor::Agent& agent, executor::Machine& machine);

}  // namespace servo::apps
