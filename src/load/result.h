// What a load test found: plain values, their JSON and their report. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "load/machine.h"
#include "report/document.h"
#include "report/scalability.h"

namespace servo::load {

// From a backfill's start to its first lease. One that was still unclaimed at the end of the window
// counts with its age there.
struct ClaimLatency {
    size_t jobs = 0;
    size_t unclaimed = 0;
    std::optional<double> p50_s, p95_s, p99_s;
};

struct TenantShare {
    std::string name;
    int weight = 1;
    uint64_t partitions = 0;
    double slot_seconds = 0;  // of its completed partitions
};

// One window with one number of executors.
struct StepResult {
    int executors = 0;
    int slots = 0;  // of all of them
    double window_s = 0;
    uint64_t completed = 0;  // partitions
    uint64_t failed = 0;
    double throughput = 0;  // completed partitions per second
    ClaimLatency claim;
    double slot_use = 0;                                 // share of slot time that was busy
    std::vector<std::pair<std::string, double>> ledger;  // slot state → share of slot time
    bool by_server = false;  // the ledger is the server's, which tells causes; else the executors'
    std::vector<std::pair<std::string, double>> waiting;  // gate → partitions, mean; largest first
    std::optional<double> fairness;                       // Jain's index over slot time by weight
    std::vector<TenantShare> tenants;
    std::optional<MachineUse> machine;  // absent: executors run elsewhere
    bool ran_out = false;               // the work ended before the window
    std::string limit;                  // what held it back: verdict.h
};

// The setting that is no option of the scenario: executors that were there already.
constexpr const char* kExpectExecutors = "expect_executors";

struct LoadResult {
    std::string server;
    bool temporary = false;
    Instant started_at = kEpochStart;
    std::vector<std::pair<std::string, std::string>> settings;  // as resolved, for the record
    std::vector<StepResult> steps;
    std::optional<report::ScalabilityFit> fit;
};

boost::json::object to_json(const LoadResult& result);
report::Document to_document(const LoadResult& result);

}  // namespace servo::load
