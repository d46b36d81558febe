// Wire structs of what operators look at and turn: pools, tenants, executors, events, the state of
// the installation. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/asset.h"
#include "api/executor_health.h"
#include "api/time_spent.h"

namespace servo::api {

struct PoolHold {
    std::string by;
    std::string reason;
    Instant since = kEpochStart;
    std::optional<Instant> until;
};
struct PoolWindow {
    std::string cron;
    int64_t length_ms = 0;
    std::string timezone;
    int64_t concurrency = 0;
};
struct PoolCheck {
    std::string url;
    int64_t timeout_ms = 0;
    std::vector<std::string> credentials;  // names of the headers that carry them
};
struct Pool {
    std::string name;
    std::optional<std::string> tenant_id;  // absent: shared
    std::string scope;                     // shared or tenant
    int64_t concurrency = 0;               // as declared or overridden; 0 = no limit
    int64_t per_tenant_concurrency = 0;
    std::optional<int64_t> limit;  // in force now, windows counted; absent = none
    std::optional<Instant> limit_until;
    int64_t used = 0;
    std::vector<PoolWindow> windows;
    std::vector<PoolCheck> checks;
    std::string contact;
    std::optional<PoolHold> hold;
    std::optional<OverrideInfo> override_info;  // JSON: "override"
    std::string breaker;                        // closed, open, ramping
    std::optional<Instant> breaker_since;
    int64_t recent_attempts = 0;  // in the breaker's window
    int64_t recent_external_failures = 0;
    std::optional<Instant> next_probe_at;
};
struct SetPoolRequest {
    std::optional<int64_t> concurrency;
    bool unset = false;
    std::string hold_for;  // JSON: "for"
    std::string reason;
};
struct HoldPoolRequest {
    std::string hold_for;  // JSON: "for"; empty = until released
    std::string reason;
};
// Measures the pool's endpoints from an executor.
struct CheckPoolRequest {
    std::string executor;  // empty: any that is up
    std::string url;       // instead of the declared endpoints; for admins
    int64_t timeout_ms = 0;
};
struct CheckPoolReply {
    std::string pool;
    std::string executor;
    bool ok = false;  // every endpoint is
    std::vector<EndpointResult> endpoints;
};

struct Tenant {
    std::string name;
    int64_t weight = 0;  // these three: in force
    int64_t max_concurrency = 0;
    int64_t max_pending = 0;
    std::optional<OverrideInfo> override_info;  // JSON: "override"
    std::vector<FieldChange> overridden;        // limits that it changes: as declared, in force
    int64_t slots = 0;
    uint64_t pending_partitions = 0;
    int64_t open_backfills = 0;
    double fair_share = 0;  // of the slots, among tenants with eligible work
    Instant created_at = kEpochStart;
};
struct SetTenantRequest {
    std::optional<int64_t> weight;
    std::optional<int64_t> max_concurrency;
    std::optional<int64_t> max_pending;
    bool unset = false;
    std::string hold_for;  // JSON: "for"
    std::string reason;
};

struct Executor {
    std::string name;
    std::string host;
    std::string build;
    std::string state;  // up, stuck, draining, drained, lost, left
    int64_t slots = 0;
    int64_t busy = 0;
    std::map<std::string, std::string> labels;
    std::optional<Instant> last_seen_at;
    Instant registered_at = kEpochStart;
    bool drain_wanted = false;
    std::map<std::string, int64_t> slot_ms;  // cumulative, since its session began
    std::optional<ExecutorHealth> health;    // absent: nothing heard in this session
};
// `keep` > 0 and no names: drains the idlest until `keep` are left undrained.
struct DrainRequest {
    std::vector<std::string> executors;
    int64_t keep = 0;
};
struct DrainReply {
    std::vector<Executor> items;  // those that changed
};

struct Changed {
    bool changed = false;
};

struct Token {
    std::string id;
    std::string role;                      // admin, tenant-admin, tenant-read, executor, metrics
    std::optional<std::string> tenant_id;  // absent: of the whole installation
    std::map<std::string, std::string> labels;
    std::string note;
    std::string state;  // active, expired, revoked
    Instant created_at = kEpochStart;
    std::string created_by;
    std::optional<Instant> expires_at;
    std::optional<Instant> revoked_at;
};
struct CreateTokenRequest {
    std::string role;
    std::string tenant;
    bool new_tenant = false;  // makes the tenant, too, when there is none of that name
    std::map<std::string, std::string> labels;
    std::string note;
    std::string lives_for;  // JSON: "for"
};
struct RotateTokenRequest {
    std::string overlap;
    std::string lives_for;  // JSON: "for"
};
struct RevokeTokenRequest {
    std::string reason;
};
// The text is shown here and never again.
struct NewToken {
    std::string text;
    Token token;
};

struct Event {
    Instant at = kEpochStart;
    std::optional<std::string> tenant_id;  // absent: of the whole installation
    std::string actor;
    std::string kind;
    std::string subject;
    std::string detail;
};

struct StatusGroup {
    std::string name;
    int64_t open_backfills = 0;
    uint64_t running_partitions = 0;
    uint64_t pending_partitions = 0;
    uint64_t failed_partitions = 0;
    int64_t slots = 0;
    double partitions_per_second = 0;
    double partitions_per_second_before = 0;
    std::optional<TimeSpent> time;         // in the last minute
    std::optional<TimeSpent> time_before;  // in the ten minutes before
};
struct SystemStatus {
    std::string version;
    std::string state;  // of the leader: starting, leading, read_only, broken
    int64_t epoch = 0;
    std::string leader;  // host and process
    std::string leader_url;
    std::optional<Instant> leader_since;
    std::map<std::string, int64_t> backfills;  // open ones, by state
    uint64_t running_partitions = 0;
    uint64_t pending_partitions = 0;
    double partitions_per_second = 0;
    double partitions_per_second_before = 0;
    int64_t executors_up = 0;
    int64_t executors_drained = 0;  // or draining
    int64_t executors_lost = 0;
    int64_t slots = 0;
    int64_t slots_busy = 0;
    int64_t slots_draining = 0;  // busy ones of executors that are drained or draining
    int64_t commits = 0;
    int64_t commands = 0;
    int64_t reloads = 0;
    int64_t queued_commands = 0;
    std::string last_error;
    std::vector<WaitReason> waiting;  // over all jobs, by holder, largest first
    std::string by;                   // tenant, asset, executor, pool, or empty
    std::vector<StatusGroup> groups;
    std::optional<TimeSpent> time;  // of the caller's tenant, or of the whole installation
    std::optional<TimeSpent> time_before;
    std::map<std::string, std::string> contacts;  // by team
    Instant as_of = kEpochStart;
};

struct FsckReport {
    bool sound = false;
    std::vector<std::string> findings;
};
struct BackupRequest {
    std::string path;  // on the server's machine; must not exist
};
struct BackupReply {
    std::string path;
    int64_t bytes = 0;
};
struct Version {
    std::string version;
    std::string api;
    int64_t schema_version = 0;
};
struct Health {
    std::string status;  // ok, or why not
    std::string role;    // leader, standby, or empty while neither
    std::optional<int64_t> epoch;
    std::optional<std::string> leader_url;
};

SERVO_WIRE_TYPE(PoolHold, "PoolHold");
SERVO_WIRE_TYPE(PoolWindow, "PoolWindow");
SERVO_WIRE_TYPE(PoolCheck, "PoolCheck");
SERVO_WIRE_TYPE(Pool, "Pool");
SERVO_WIRE_TYPE(SetPoolRequest, "SetPoolRequest");
SERVO_WIRE_TYPE(HoldPoolRequest, "HoldPoolRequest");
SERVO_WIRE_TYPE(CheckPoolRequest, "CheckPoolRequest");
SERVO_WIRE_TYPE(CheckPoolReply, "CheckPoolReply");
SERVO_WIRE_TYPE(Tenant, "Tenant");
SERVO_WIRE_TYPE(SetTenantRequest, "SetTenantRequest");
SERVO_WIRE_TYPE(Executor, "Executor");
SERVO_WIRE_TYPE(DrainRequest, "DrainRequest");
SERVO_WIRE_TYPE(DrainReply, "DrainReply");
SERVO_WIRE_TYPE(Changed, "Changed");
SERVO_WIRE_TYPE(Token, "Token");
SERVO_WIRE_TYPE(CreateTokenRequest, "CreateTokenRequest");
SERVO_WIRE_TYPE(RotateTokenRequest, "RotateTokenRequest");
SERVO_WIRE_TYPE(RevokeTokenRequest, "RevokeTokenRequest");
SERVO_WIRE_TYPE(NewToken, "NewToken");
SERVO_WIRE_TYPE(List<Token>, "TokenList");
SERVO_WIRE_TYPE(Event, "Event");
SERVO_WIRE_TYPE(StatusGroup, "StatusGroup");
SERVO_WIRE_TYPE(SystemStatus, "SystemStatus");
SERVO_WIRE_TYPE(FsckReport, "FsckReport");
SERVO_WIRE_TYPE(BackupRequest, "BackupRequest");
SERVO_WIRE_TYPE(BackupReply, "BackupReply");
SERVO_WIRE_TYPE(Version, "Version");
SERVO_WIRE_TYPE(Health, "Health");
SERVO_WIRE_TYPE(List<Pool>, "PoolList");
SERVO_WIRE_TYPE(List<Tenant>, "TenantList");
SERVO_WIRE_TYPE(List<Executor>, "ExecutorList");
SERVO_WIRE_TYPE(List<Event>, "EventList");

}  // namespace servo::api
