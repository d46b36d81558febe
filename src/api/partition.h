// Wire structs of partitions: state, attempts, logs and marks. Plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/backfill.h"

namespace servo::api {

// One partition of an asset, by its last outcome or by the open job that owns it.
struct Partition {
    std::string key;
    std::string tenant_id;
    std::string asset_name;
    std::string status;                // missing, pending, running, completed, failed, skipped
    std::optional<std::string> start;  // of its window, half-open
    std::optional<std::string> end;
    std::optional<std::string> backfill_id;  // what made it, or owns it now
    std::optional<int64_t> asset_revision;   // that made it
    std::optional<Instant> at;               // of the last change of its outcome
    std::optional<Instant> started_at;
    std::optional<int64_t> duration_ms;
    std::optional<int64_t> attempt;
    std::optional<int64_t> rows;
    std::optional<int64_t> bytes;
    std::optional<int64_t> max_rss_kb;
    std::optional<int64_t> cpu_ms;
    std::optional<std::string> executor;
    std::optional<std::string> failure_class;
    std::optional<int64_t> exit_code;
    std::optional<std::string> message;
};

struct FailedAttempt {
    int64_t attempt = 1;
    int64_t generation = 1;
    std::string failure_class;
    bool is_final = false;  // JSON: "final"
    std::optional<Instant> retry_at;
    std::optional<int64_t> exit_code;  // absent: it did not exit
    std::string message;
    Instant started_at = kEpochStart;
    Instant ended_at = kEpochStart;
    std::string executor;
    std::optional<int64_t> max_rss_kb;
    std::optional<int64_t> cpu_ms;
};

struct PartitionDetail : Partition {
    std::map<std::string, std::string> dimensions;
    std::vector<FailedAttempt> failed_attempts;  // of that backfill, newest first, at most 100
    std::optional<WaitReason> waiting;           // while pending
};

struct PartitionLog {
    std::string key;
    std::string backfill_id;
    int64_t attempt = 1;
    int64_t generation = 1;
    Instant at = kEpochStart;
    uint64_t bytes_total = 0;  // printed; `text` is the end of it
    std::string text;
};

// What a running partition printed since the caller's `offset`.
struct LiveLog {
    std::string key;
    bool running = false;  // false: all else is empty; its stored log has what there is
    std::string backfill_id;
    int64_t attempt = 1;
    int64_t generation = 1;
    std::string stream;  // names this attempt's output; offsets are its own
    bool known = false;  // the executor has answered; until then it was asked
    uint64_t offset = 0;
    uint64_t next_offset = 0;
    std::string text;
};

struct MarkRequest {
    SelectionRequest selection;
    std::string as;  // completed, skipped or missing
    std::string reason;
    bool dry_run = false;
};
struct MarkReply {
    std::string tenant_id;
    std::string asset_name;
    std::string as;
    bool dry_run = false;
    ResolvedSelection resolved;
};

SERVO_WIRE_TYPE(Partition, "Partition");
SERVO_WIRE_TYPE(FailedAttempt, "FailedAttempt");
SERVO_WIRE_TYPE(PartitionDetail, "PartitionDetail");
SERVO_WIRE_TYPE(PartitionLog, "PartitionLog");
SERVO_WIRE_TYPE(LiveLog, "LiveLog");
SERVO_WIRE_TYPE(MarkRequest, "MarkRequest");
SERVO_WIRE_TYPE(MarkReply, "MarkReply");
SERVO_WIRE_TYPE(List<Partition>, "PartitionList");

}  // namespace servo::api
