// What a load test does, from flags and a scenario file: one declaration of each option gives the
// flag, the key of the file, its bounds and its help. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/asset.h"
#include "api/backfill.h"
#include "api/page.h"
#include "config/options.h"
#include "load/durations.h"

namespace servo::load {

constexpr int kExecutorsMax = 64;          // local processes
constexpr int64_t kExpectedMax = 100'000;  // executors of a running deployment
constexpr int kStepsMax = 16;              // executor counts in one test
constexpr int kTenantsMax = 100;
constexpr int64_t kJobsMax = api::kPageMax;  // open at once, over all tenants: one page of the list
constexpr int64_t kMinutesMax = 25'000'000;  // partitions of an asset: minutes since 1970
constexpr size_t kProbesMax = 5'000;         // probe jobs of one step
// Local executors carry it and the assets ask for it, so that nobody else's take this work.
constexpr const char* kLocalLabel = "servo-loadtest";

struct Scenario {
    std::vector<int> executors;  // ascending, each once
    int slots = 0;               // of each local executor
    std::vector<int> weights;    // one for each tenant
    int jobs = 0;                // of each tenant
    int64_t partitions = 0;      // of each job
    std::vector<DurationClass> classes;
    int fail_per_mille = 0;
    std::string fail_class;
    int probes_per_second = 0;
    Millis warmup{0};
    Millis window{0};
};

// Options by name; "tenants", "weights", "executors", …
const std::vector<config::OptionDecl>& scenario_options();

// Error: invalid_argument / "bad_scenario": what does not go together.
Result<Scenario> scenario_of(const config::Options& options);

std::string tenant_name(size_t index);  // "loadtest-1"
std::string asset_name(size_t index);   // "loadtest-class-1"
inline const std::string kProbeAsset = "loadtest-probe";
// Whether it is the name of some load test's. People's own names such as loadtest-eu are not.
bool is_load_tenant(std::string_view name);
bool is_load_asset(std::string_view name);

// The assets of all tenants as a file for `apply`.
api::ApplyRequest asset_file(const Scenario& scenario, bool local_executors);
// The job with this number, of every tenant, as one group.
api::StartRequest bulk_job(const Scenario& scenario, int job);
// The probe with this number: one partition, for its claim latency. Partitions of probes are used
// again after kMinutesMax of them.
api::StartRequest probe_job(const Scenario& scenario, uint64_t number);

}  // namespace servo::load
