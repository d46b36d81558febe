// What an executor tells of itself beside its work: how its machine does, which slots are stuck,
// what went wrong lately. Part of the executor protocol, but apart from the calls that carry work:
// nothing here decides anything. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/codec.h"
#include "base/time.h"

namespace servo::api {

constexpr Millis kHealthInterval{10'000};
constexpr size_t kStuckSlotsMax = 16;  // described; `stuck_slots` counts them all
constexpr size_t kHealthErrorsMax = 5;
constexpr size_t kHealthTextBytesMax = 500;

// A slot whose partition makes no progress.
struct StuckSlot {
    int64_t slot = 0;
    std::string backfill_id;
    std::string reason;  // timeout, killed, stopped, no_progress
    Instant since = kEpochStart;
};
struct ExecutorError {
    Instant at = kEpochStart;
    std::string message;
};
// Shares are of one; absent = not known on that machine. Limits are those of the executor's cgroup
// where it has one, else the machine's.
struct ExecutorHealth {
    Instant as_of = kEpochStart;  // written by the server when it arrives
    std::optional<Instant> process_started_at;
    int64_t pid = 0;
    double cpus = 0;
    std::optional<double> cpu_share;            // of `cpus`, since the look before
    std::optional<double> cpu_throttled_share;  // of the scheduling periods since the look before
    std::optional<int64_t> memory_bytes;
    std::optional<int64_t> memory_limit_bytes;
    std::string memory_limits_by;        // what holds partitions to their memory: cgroup, polling
    std::string memory_limits_note;      // why not by cgroup
    std::optional<double> cpu_pressure;  // share of ten seconds in which something waited for it
    std::optional<double> memory_pressure;
    std::optional<double> io_pressure;
    std::optional<int64_t> disk_free_bytes;  // where partitions have their scratch folders
    std::optional<int64_t> disk_bytes;
    int64_t slots_ready = 0;
    int64_t slots_busy = 0;
    int64_t results_queued = 0;
    int64_t loop_lag_ms = 0;  // since the executor's loop turned last
    int64_t stuck_slots = 0;
    std::vector<StuckSlot> stuck;
    std::vector<ExecutorError> errors;  // the newest, oldest first
};

// A header's value, as a reference that the executor resolves.
struct SecretWire {
    std::string env;
    std::string file;
};
// An endpoint of a pool to be measured, and what came of it.
struct EndpointAsk {
    std::string url;
    int64_t timeout_ms = 5'000;
    std::map<std::string, SecretWire> headers;
    std::optional<SecretWire> bearer;  // of the header Authorization
};
struct EndpointResult {
    std::string url;
    // ok, bad_status, credentials_refused, no_credentials, unknown_host, not_connected, timed_out,
    // tls_failed, blocked_address, bad_url, failed
    std::string verdict;
    int64_t status = 0;  // of HTTP; 0 = none came
    std::string address;
    std::string message;
    std::optional<double> dns_ms;  // each phase by itself; absent = not reached
    std::optional<double> connect_ms;
    std::optional<double> tls_ms;
    std::optional<double> first_byte_ms;
    double total_ms = 0;
};
struct CheckAsk {
    int64_t id = 0;
    std::vector<EndpointAsk> endpoints;
};
struct CheckAnswer {
    int64_t id = 0;
    std::vector<EndpointResult> endpoints;
};

struct HealthRequest {
    int64_t session = 0;
    std::optional<ExecutorHealth> health;  // absent: only asks whether there is something to do
    std::vector<CheckAnswer> answers;
};
struct HealthReply {
    int64_t next_ms = kHealthInterval.count();  // when the next call is welcome
    std::vector<CheckAsk> checks;               // each is given once
};

SERVO_WIRE_TYPE(StuckSlot, "StuckSlot");
SERVO_WIRE_TYPE(ExecutorError, "ExecutorError");
SERVO_WIRE_TYPE(ExecutorHealth, "ExecutorHealth");
SERVO_WIRE_TYPE(SecretWire, "SecretReference");
SERVO_WIRE_TYPE(EndpointAsk, "EndpointAsk");
SERVO_WIRE_TYPE(EndpointResult, "EndpointResult");
SERVO_WIRE_TYPE(CheckAsk, "CheckAsk");
SERVO_WIRE_TYPE(CheckAnswer, "CheckAnswer");
SERVO_WIRE_TYPE(HealthRequest, "HealthRequest");
SERVO_WIRE_TYPE(HealthReply, "HealthReply");

}  // namespace servo::api
