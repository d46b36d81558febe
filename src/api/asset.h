// Wire structs of definitions: apply, assets, revisions and their differences. Plain values.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/backfill.h"

namespace servo::api {

constexpr size_t kApplyFilesMax = 1'000;

struct ApplyFile {
    std::string name;      // for messages
    std::string text;      // YAML, as it is
    std::string code_dir;  // absolute folder of the file; relative paths in it count from here
};
struct ApplyRequest {
    std::vector<ApplyFile> files;
    std::optional<std::string> tenant;  // for files that name none
    bool dry_run = false;
    bool prune = false;  // archive the named tenants' assets that no file names
};

struct FieldChange {
    std::string field;                  // "retries.max_attempts"
    std::optional<std::string> before;  // absent: it was not set
    std::optional<std::string> after;
};

struct AppliedAsset {
    std::string tenant_id;
    std::string name;
    std::string action;  // created, changed, unchanged, archived
    int64_t revision = 0;
    bool overridden = false;  // a live `asset set` stays in force
    std::vector<FieldChange> changes;
};
struct AppliedPool {
    std::optional<std::string> tenant_id;  // absent: shared
    std::string name;
    std::string action;
    bool overridden = false;
    std::vector<FieldChange> changes;
};
struct ApplyReply {
    bool dry_run = false;
    bool changed = false;
    std::vector<AppliedAsset> assets;
    std::vector<AppliedPool> pools;
};

struct Asset {
    std::string name;
    std::string tenant_id;
    int64_t revision = 0;
    bool archived = false;
    std::string owner;
    std::string description;
    std::string partitions;  // "day from 2024-01-01, Europe/Berlin"
    std::string timezone;
    std::string runner;
    std::string code_version;
    int64_t concurrency = 0;                    // in force; 0 = no limit
    std::optional<OverrideInfo> override_info;  // JSON: "override"
    Instant updated_at = kEpochStart;
    std::string updated_by;
};
struct PartitionCounts {
    uint64_t total = 0;  // whose window has ended
    uint64_t completed = 0;
    uint64_t failed = 0;
    uint64_t skipped = 0;
    uint64_t missing = 0;
    uint64_t stale = 0;  // completed by an older revision
};
struct AssetDetail : Asset {
    boost::json::object spec;  // in the asset file's own notation
    std::string code_dir;
    PartitionCounts partition_counts;
    std::vector<std::string> open_backfills;
    std::vector<std::string> downstream;  // assets that build on this one
};

struct Revision {
    int64_t revision = 0;
    Instant created_at = kEpochStart;
    std::string created_by;
    std::string code_version;
    std::string code_dir;
    std::vector<FieldChange> changes;  // against the revision before
    std::optional<double> avg_partition_duration_ms;
};
struct AssetDiff {
    std::string name;
    std::string tenant_id;
    int64_t from = 0;
    int64_t to = 0;
    std::vector<FieldChange> changes;
};

struct SetAssetRequest {
    std::optional<int64_t> concurrency;  // 0 = no limit
    bool unset = false;                  // ends the override
    std::optional<bool> archived;
    std::string hold_for;  // JSON: "for"
    std::string reason;
};

SERVO_WIRE_TYPE(ApplyFile, "ApplyFile");
SERVO_WIRE_TYPE(ApplyRequest, "ApplyRequest");
SERVO_WIRE_TYPE(FieldChange, "FieldChange");
SERVO_WIRE_TYPE(AppliedAsset, "AppliedAsset");
SERVO_WIRE_TYPE(AppliedPool, "AppliedPool");
SERVO_WIRE_TYPE(ApplyReply, "ApplyReply");
SERVO_WIRE_TYPE(Asset, "Asset");
SERVO_WIRE_TYPE(PartitionCounts, "PartitionCounts");
SERVO_WIRE_TYPE(AssetDetail, "AssetDetail");
SERVO_WIRE_TYPE(Revision, "Revision");
SERVO_WIRE_TYPE(AssetDiff, "AssetDiff");
SERVO_WIRE_TYPE(SetAssetRequest, "SetAssetRequest");
SERVO_WIRE_TYPE(List<Asset>, "AssetList");
SERVO_WIRE_TYPE(List<Revision>, "RevisionList");

}  // namespace servo::api
