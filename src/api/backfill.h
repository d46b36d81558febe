// Wire structs of backfills: what is asked for, and what is answered. Plain values; words (states,
// policies, classes) are text, checked against their lists by a server.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/codec.h"
#include "api/time_spent.h"
#include "base/time.h"

namespace servo::api {

constexpr size_t kSelectionKeysMax = 200'000;  // explicit keys in one request
constexpr size_t kTenantsPerStartMax = 500;    // jobs of one group
constexpr size_t kNoteBytesMax = 2'000;        // notes and reasons
constexpr size_t kFailureExamplesMax = 3;      // per class

struct SelectionRequest {
    std::string
        start;  // as typed: date, date-time, with or without offset; empty = from the beginning
    std::string end;  // a date alone is inclusive, a time exclusive; empty = up to now
    std::vector<std::string> keys;
    std::map<std::string, std::vector<std::string>> dims;
};

struct StartRequest {
    std::string asset;
    SelectionRequest selection;
    std::string reprocess = "failed";
    std::string overlap = "reject";
    int64_t priority = 0;
    std::optional<std::string> sla_deadline;  // RFC 3339, a date (its end, UTC), or "+72h"
    int64_t max_concurrency = 0;
    std::optional<std::string> max_failures;  // "10", "5%" or "none"
    bool reverse = false;
    std::string note;
    bool dry_run = false;
    // With dry_run: also estimate, and refuse what the scheduler would; false is quicker where only
    // counts matter.
    bool preview = true;
    bool allow_empty = false;
    std::vector<std::string> tenants;  // one job each under one group; excludes all_tenants
    bool all_tenants = false;
};

// What a selection came to, before and after the reprocess policy.
struct ResolvedSelection {
    std::optional<std::string> range_start;  // half-open, with the zone's offset
    std::optional<std::string> range_end;
    std::string timezone;
    uint64_t selected = 0;  // partitions asked for
    uint64_t count = 0;     // of those, to run
    std::string first_key;  // of those to run
    std::string last_key;
    uint64_t cut_by_bounds = 0;       // windows asked for outside the asset's start and end
    uint64_t not_yet_ended = 0;       // windows asked for that have not ended
    uint64_t left_out_completed = 0;  // by the reprocess policy
    uint64_t left_out_failed = 0;
    uint64_t left_out_skipped = 0;
    std::vector<std::string> sample_keys;  // the first ones, with dry_run
};

struct StartedBackfill {
    std::optional<std::string> id;  // absent: nothing to do, or dry_run
    std::string tenant_id;
    std::string asset_name;
    int64_t asset_revision = 0;
    std::string state;
    uint64_t total_partitions = 0;
    uint64_t skipped_by_overlap = 0;
    ResolvedSelection resolved;
};

struct PreviewDelay {
    std::string id;
    std::string tenant_id;
    std::string asset_name;
    int64_t delay_ms = 0;
};
struct Preview {
    std::optional<int64_t> duration_p50_ms;  // absent: nothing to go by
    std::optional<int64_t> duration_p90_ms;
    std::optional<Instant> completion_at;
    std::optional<Instant> completion_p90_at;
    std::string basis;                 // what the estimate rests on, or why there is none
    std::vector<PreviewDelay> delays;  // open jobs that would end later, the most delayed first
};

struct StartReply {
    std::optional<std::string> id;  // of the job; with several tenants, of the group
    std::optional<std::string> group_id;
    bool dry_run = false;
    uint64_t total_partitions = 0;
    std::vector<StartedBackfill> items;
    std::optional<Preview> preview;  // with dry_run
    std::string server_time;
};

// A live `set`: who, why, until when.
struct OverrideInfo {
    std::string by;
    std::string reason;
    Instant since = kEpochStart;
    std::optional<Instant> until;
};

// A setting of a backfill that `set --for` changed.
struct TemporarySetting {
    std::string setting;         // its name in SettingsRequest
    std::string value;           // in force, as `set` takes it
    std::string lasting;         // what holds again afterwards
    OverrideInfo override_info;  // JSON: "override"
};

struct Backfill {
    std::string id;
    std::optional<std::string> group_id;
    std::string tenant_id;  // the tenant's name
    std::string asset_name;
    int64_t asset_revision = 0;
    bool wants_latest = false;
    std::string state;
    std::string state_reason;
    std::string state_note;
    std::string state_by;
    std::optional<Instant> state_since;
    std::optional<Instant> resume_at;      // `pause --for`
    std::optional<std::string> waits_for;  // `--overlap wait`
    int64_t priority = 0;
    int64_t effective_priority = 0;  // after aging
    int64_t rank = 0;                // among the tenant's open jobs, from 1; 0 = not open
    int64_t slots = 0;               // held now
    std::string reprocess;
    std::string overlap;
    std::optional<std::string> range_start;
    std::optional<std::string> range_end;
    std::string note;
    std::string created_by;
    int64_t generation = 1;
    uint64_t total_partitions = 0;
    uint64_t completed_partitions = 0;  // without skipped
    uint64_t failed_partitions = 0;
    uint64_t skipped_partitions = 0;
    uint64_t cancelled_partitions = 0;
    uint64_t running_partitions = 0;
    uint64_t pending_partitions = 0;
    double partitions_per_second = 0;  // over the last minute
    std::optional<double> avg_partition_duration_ms;
    Instant created_at = kEpochStart;
    std::optional<Instant> started_at;
    std::optional<Instant> completed_at;
    std::optional<Instant> sla_deadline_at;
    std::optional<Instant> estimated_completion_at;
    std::optional<Instant> estimated_completion_p90_at;
    int64_t max_concurrency = 0;
    std::string max_failures;           // "10", "5%", "10 or 5%" or "none"
    std::optional<int64_t> timeout_ms;  // absent: as the asset says
    std::optional<int64_t> memory_bytes;
    std::optional<int64_t> max_attempts;
    std::vector<TemporarySetting> temporary_settings;
};

struct SlotHolder {
    std::string executor;
    std::string partition;    // key that runs now
    uint64_t unreported = 0;  // partitions of its lease not yet reported
    Instant since = kEpochStart;
};

struct WaitReason {
    std::string gate;
    uint64_t partitions = 0;
    std::string subject;  // pool, asset, job or label that holds them
    std::optional<Instant> since;
    std::optional<Instant> until;
    std::string release;  // what would release them, with the command to type
};

struct FailureExample {
    std::string partition;
    std::string message;
    int64_t attempt = 1;
    std::optional<int64_t> exit_code;  // -signal for a signal; absent: it did not exit
    std::string executor;
    Instant ended_at = kEpochStart;
};
struct FailureSummary {
    std::string failure_class;
    uint64_t partitions = 0;  // finally failed
    uint64_t attempts = 0;    // failed attempts, also those that were retried
    std::vector<FailureExample> examples;
};

struct BackfillDetail : Backfill {
    double partitions_per_second_before = 0;  // over the ten minutes before the last one
    std::optional<double> p95_partition_duration_ms;
    std::string estimate_basis;    // what the estimate rests on, or why there is none
    std::string deadline_verdict;  // none, met, missed, on_track, at_risk, will_miss or unknown
    std::vector<SlotHolder> holders;
    std::vector<WaitReason> waiting;
    std::vector<FailureSummary> failures;
    uint64_t downstream_assets = 0;  // assets of the tenant that build on this one
    std::string command;             // repeats the job
    std::optional<TimeSpent> time;   // of the asset revision, in the last minute
    std::optional<TimeSpent> time_before;
    Instant as_of = kEpochStart;
};

struct PauseRequest {
    std::string reason;
    std::string hold_for;  // JSON: "for"; "2h"; empty = until resumed
    bool now = false;      // kill what runs; attempts are not spent
};
struct ResumeRequest {};
struct CancelRequest {
    std::string reason;
    bool force = false;
};
struct RetryRequest {
    std::vector<std::string> classes;  // empty: all
};

struct ActionResult {
    std::string id;
    std::string tenant_id;
    std::string state;
    bool changed = false;     // false: it already was as asked
    uint64_t partitions = 0;  // affected: retried, …
    int64_t rank = 0;         // after a change of settings
};
// One for a job id, one per job for a group id.
struct ActionReply {
    std::vector<ActionResult> items;
};

// Members that are absent stay as they are; "none" sets back to what the asset says.
struct SettingsRequest {
    std::optional<int64_t> priority;
    std::optional<std::string> sla_deadline;
    std::optional<int64_t> max_concurrency;
    std::optional<std::string> max_failures;
    std::optional<std::string> timeout;
    std::optional<std::string> memory;
    std::optional<std::string> max_attempts;
    std::optional<std::string> revision;  // only "latest"
    std::string reason;
    std::string hold_for;  // JSON: "for"; "2h"; empty = for good
};

struct Explanation {
    std::string backfill_id;               // empty: no open job owns the partition
    std::optional<std::string> partition;  // absent: the job as a whole
    std::string state;
    std::string summary;  // a sentence
    std::vector<WaitReason> reasons;
    std::string command;  // what to type next; empty when there is nothing to do
    Instant as_of = kEpochStart;
};

SERVO_WIRE_TYPE(SelectionRequest, "SelectionRequest");
SERVO_WIRE_TYPE(StartRequest, "StartRequest");
SERVO_WIRE_TYPE(ResolvedSelection, "ResolvedSelection");
SERVO_WIRE_TYPE(StartedBackfill, "StartedBackfill");
SERVO_WIRE_TYPE(PreviewDelay, "PreviewDelay");
SERVO_WIRE_TYPE(Preview, "Preview");
SERVO_WIRE_TYPE(StartReply, "StartReply");
SERVO_WIRE_TYPE(OverrideInfo, "OverrideInfo");
SERVO_WIRE_TYPE(TemporarySetting, "TemporarySetting");
SERVO_WIRE_TYPE(Backfill, "Backfill");
SERVO_WIRE_TYPE(SlotHolder, "SlotHolder");
SERVO_WIRE_TYPE(WaitReason, "WaitReason");
SERVO_WIRE_TYPE(FailureExample, "FailureExample");
SERVO_WIRE_TYPE(FailureSummary, "FailureSummary");
SERVO_WIRE_TYPE(BackfillDetail, "BackfillDetail");
SERVO_WIRE_TYPE(PauseRequest, "PauseRequest");
SERVO_WIRE_TYPE(ResumeRequest, "ResumeRequest");
SERVO_WIRE_TYPE(CancelRequest, "CancelRequest");
SERVO_WIRE_TYPE(RetryRequest, "RetryRequest");
SERVO_WIRE_TYPE(ActionResult, "ActionResult");
SERVO_WIRE_TYPE(ActionReply, "ActionReply");
SERVO_WIRE_TYPE(SettingsRequest, "SettingsRequest");
SERVO_WIRE_TYPE(Explanation, "Explanation");
SERVO_WIRE_TYPE(List<Backfill>, "BackfillList");

}  // namespace servo::api
