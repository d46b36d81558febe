// One window of a load test: starts the backfills, waits for the first claims, samples, and says
// what happened. One thread.
#pragma once

#include <functional>
#include <string>

#include "client/client.h"
#include "load/fleet.h"
#include "load/result.h"
#include "load/scenario.h"

namespace servo::load {

constexpr Millis kClaimWithin{60'000};
constexpr Millis kSampleEvery{500};
// The server's ledger tells about its last minute; from such a window on, all of that is of it.
constexpr Millis kServerLedgerFrom{60'000};

struct StepPorts {
    client::Client& client;
    Fleet& fleet;
    pid_t server_pid = 0;  // 0: not on this machine
    bool local = false;    // executors are
    // A line about how it stands, for a terminal.
    std::function<void(const std::string&)> progress;
};

// With `executors` of them up. `probes`: number of the next probe over the whole test; raised.
// Errors: the server's; unavailable / "process_ended"; deadline_exceeded / "nothing_claimed";
// conflict / "cancelled_elsewhere" when somebody else cancelled its backfills.
Result<StepResult> run_step(
    const Scenario& scenario, int executors, const StepPorts& ports, uint64_t& probes
);

// Waits until exactly `count` executors are up and in service. Error: deadline_exceeded /
// "executors_missing".
Status wait_for_executors(const StepPorts& ports, int count);

}  // namespace servo::load
