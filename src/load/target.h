// The server that a load test is about, and how things are left there. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "load/scenario.h"

namespace servo::load {

// A client that speaks for this tenant; empty = for none. Calls of one thread at a time.
using MakeClient = std::function<std::unique_ptr<client::Client>(const std::string& tenant)>;

// Checks that a load test may run there, before anything is changed. Errors: the server's when the
// token is no admin's; failed_precondition / "loadtest_running" when backfills of a load test are
// open, "server_in_use" when `local_executors` would take other people's work. `clean_command` is
// what to type to take those backfills away.
Status check_target(client::Client& client, bool local_executors, const std::string& clean_command);

// Applies the assets and the tenants' weights.
Status prepare_target(client::Client& client, const Scenario& scenario, bool local_executors);

// What load tests have open there.
struct OpenWork {
    size_t backfills = 0;
    uint64_t running = 0;                // partitions
    Instant latest_start = kEpochStart;  // of a backfill
};
Result<OpenWork> open_work(client::Client& client);
// Whether the load test may be under way, rather than broken off: one that runs has partitions
// running or starts backfills. `now`: the server's time; that of this machine will do.
bool may_be_running(const OpenWork& work, Instant now);
constexpr Millis kStartedLately{300'000};
// "8 open backfills of tenants loadtest-…, the last started 2.0s ago, 4 partitions run".
std::string describe(const OpenWork& work, Instant now);

// Cancels every open backfill of load tests at once. Error: deadline_exceeded / "not_cancelled"
// when some are left after kCancelWithin.
Status cancel_all(client::Client& client);
constexpr Millis kCancelWithin{30'000};

// Leaves nothing of any load test open there, whatever its scenario was: backfills cancelled,
// assets archived, tenants without an override. Goes on after a refusal, ends when nobody answers.
// Returns how many tenants of load tests there are, or the first error.
Result<size_t> clean_target(const MakeClient& make);

// All backfills of one asset of the load test in these states that were created within `age`, of
// every tenant of the scenario.
Result<std::vector<api::Backfill>> list_jobs(
    client::Client& client, const std::string& asset, const std::string& states, Millis age
);

}  // namespace servo::load
