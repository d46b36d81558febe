// Wire structs of the review of a period against the one before it. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/codec.h"
#include "base/time.h"

namespace servo::api {

constexpr size_t kReportRowsMax = 20;   // of tenants and assets; the rest is summed up in "others"
constexpr size_t kReportShortMax = 10;  // of deadlines and of wasted time

// What one period came to.
struct ReportTotals {
    int64_t backfills_started = 0;
    int64_t backfills_completed = 0;
    int64_t backfills_failed = 0;
    int64_t backfills_cancelled = 0;
    uint64_t completed_partitions = 0;
    uint64_t failed_partitions = 0;  // for good
    uint64_t failed_attempts = 0;    // also those that were retried
    int64_t busy_ms = 0;             // slot time of completed partitions
    int64_t wasted_ms = 0;           // slot time of failed attempts
    int64_t claims = 0;              // as the metric of claim latency counts them
    std::optional<double> claim_p50_ms;
    std::optional<double> claim_p95_ms;
    std::optional<double> claim_p99_ms;
    double mean_slots = 0;                    // in use, on the average
    std::map<std::string, int64_t> slot_ms;   // by what slots did; of the whole installation alone
    std::optional<double> mean_cpus;          // absent: no program's use is known
    std::optional<int64_t> memory_p95_bytes;  // peak of a partition's processes
    std::optional<int64_t> memory_max_bytes;
};

// Of one tenant or asset; `name` "others" is the sum of the rest.
struct ReportGroup {
    std::string name;
    uint64_t completed_partitions = 0;
    uint64_t failed_partitions = 0;
    int64_t busy_ms = 0;
    uint64_t completed_before = 0;
    uint64_t failed_before = 0;
};

struct ReportClass {
    std::string failure_class;
    uint64_t attempts = 0;
    uint64_t partitions = 0;  // for good
    int64_t wasted_ms = 0;
    uint64_t attempts_before = 0;
};

// One step of the period: an hour of a short one, a day otherwise.
struct ReportStep {
    Instant start = kEpochStart;
    uint64_t completed_partitions = 0;
    std::map<std::string, int64_t> failed_attempts;  // by class
};

struct ReportDeadline {
    std::string id;
    std::string tenant_id;
    std::string asset_name;
    std::string state;
    Instant deadline_at = kEpochStart;
    std::optional<Instant> completed_at;  // absent: still open
    int64_t margin_ms = 0;                // negative: late
};

struct ReportWaste {
    std::string tenant_id;
    std::string asset_name;
    std::string failure_class;
    uint64_t attempts = 0;
    int64_t wasted_ms = 0;
};

struct Report {
    std::optional<std::string> tenant_id;  // absent: of every tenant
    Instant before_since = kEpochStart;
    Instant since = kEpochStart;
    Instant until = kEpochStart;
    int64_t step_ms = 0;
    ReportTotals now;
    ReportTotals before;
    std::vector<ReportGroup> tenants;
    std::vector<ReportGroup> assets;
    std::vector<ReportClass> classes;
    std::vector<ReportStep> steps;
    std::vector<ReportDeadline> deadlines;  // the closest first, missed ones before them
    std::vector<ReportWaste> wasted;        // the most first
    std::optional<int64_t> slots;           // registered at the moment; for who sees all tenants
    std::vector<std::string> notes;         // what it leaves out, and why
};

SERVO_WIRE_TYPE(ReportTotals, "ReportTotals");
SERVO_WIRE_TYPE(ReportGroup, "ReportGroup");
SERVO_WIRE_TYPE(ReportClass, "ReportClass");
SERVO_WIRE_TYPE(ReportStep, "ReportStep");
SERVO_WIRE_TYPE(ReportDeadline, "ReportDeadline");
SERVO_WIRE_TYPE(ReportWaste, "ReportWaste");
SERVO_WIRE_TYPE(Report, "Report");

}  // namespace servo::api
