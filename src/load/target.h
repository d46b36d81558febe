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
// open, "server_in_use" when `local_executors` would take other people's work.
Status check_target(client::Client& client, bool local_executors);

// Applies the assets and the tenants' weights.
Status prepare_target(client::Client& client, const Scenario& scenario, bool local_executors);

// How many backfills of load tests are open.
Result<size_t> count_open(client::Client& client);

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
