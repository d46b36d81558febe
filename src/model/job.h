// Backfill jobs: what was asked for, where it stands, and the packed progress of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/failure.h"
#include "model/ids.h"
#include "model/job_settings.h"
#include "model/ordinals.h"
#include "model/run_set.h"

namespace servo::model {

// Persisted and on the wire as the words of docs/state_machine.md.
enum class JobState {
    kPending,
    kWaitingUpstream,
    kRunning,
    kPaused,
    kResuming,
    kCancelling,
    kCompleted,
    kFailed,
    kCancelled,
};
constexpr size_t kJobStateCount = 9;

std::string_view to_string(JobState state);
std::optional<JobState> job_state_from(std::string_view name);
// Whether the one transition table allows the step.
bool transition_allowed(JobState from, JobState to);
// completed, failed, cancelled: nothing runs and nothing waits.
bool is_terminal(JobState state);

enum class ReprocessPolicy { kMissing, kFailed, kStale, kAll };
std::string_view to_string(ReprocessPolicy policy);
std::optional<ReprocessPolicy> reprocess_policy_from(std::string_view name);

enum class OverlapPolicy { kReject, kWait, kSkip };

// A job that could be claimed got a lease: the first since it was started or resumed.
struct Claim {
    Instant at;
    Millis waited{0};  // since it could be claimed
    bool operator==(const Claim&) const = default;
};
constexpr size_t kClaimsMax = 32;  // kept of a job, the newest

// One row of the job table, rewritten only when something in it changes (never per partition).
struct JobRow {
    JobId id;
    GroupId group;  // 0 = none
    TenantId tenant;
    AssetId asset;
    int revision = 0;
    bool wants_latest = false;  // the revision: takes the latest once nothing of it is leased
    std::shared_ptr<const OrdinalView> ordinals;  // [0, N) → ordinals; shared, immutable
    uint64_t keys_fingerprint = 0;
    ReprocessPolicy reprocess = ReprocessPolicy::kFailed;
    OverlapPolicy overlap = OverlapPolicy::kReject;
    std::string range_start;  // as resolved; empty for key-only schemes
    std::string range_end;
    std::string note;
    std::string created_by;
    std::string traceparent;  // of the request that started it (model/trace.h), or empty
    Instant created_at;

    JobSettings settings;                      // in force
    std::vector<TemporarySettings> temporary;  // of them; no setting is in two

    JobState state = JobState::kPending;
    std::string state_reason;  // snake_case word, or empty
    std::string state_note;    // what a person wrote with pause or cancel
    std::string state_by;      // who paused or cancelled
    Instant state_since;
    Instant resume_at = kNever;  // `pause --for`
    JobId waits_for;             // `--overlap wait`: the job that owns some of the partitions
    int generation = 1;          // raised by retry
    std::optional<Instant> started_at;
    std::optional<Instant> completed_at;
    std::vector<Claim> claims;  // ascending

    uint64_t total() const { return ordinals ? ordinals->size() : 0; }
};

// Counts of partitions and attempts. running and pending are derived, never stored.
struct JobCounters {
    uint64_t completed = 0;
    uint64_t failed = 0;
    uint64_t skipped = 0;
    uint64_t cancelled = 0;
    std::array<uint64_t, kFailureClassCount> attempts_failed{};  // by class, each attempt
    uint64_t attempts_completed = 0;
    int64_t busy_us = 0;    // sum over completed attempts
    int64_t wasted_us = 0;  // sum over failed attempts
    bool operator==(const JobCounters&) const = default;
    uint64_t finished() const { return completed + failed + skipped + cancelled; }
};

// The truth about a job's progress as of batch `covers_seq`; later batches' done and failure rows
// are applied on top of it.
struct JobCheckpoint {
    JobId job;
    int64_t covers_seq = 0;
    RunSet remaining;  // not yet terminal: to do, leased or waiting for a retry
    RunSet failed;     // finally failed in this generation
    RunSet skipped;
    RunSet cancelled;
    JobCounters counters;
    bool operator==(const JobCheckpoint&) const = default;
};

// Packed form of a checkpoint's sets and counters, version byte first.
std::string encode_checkpoint(const JobCheckpoint& checkpoint);  // without job and covers_seq
// Error: internal / "corrupt_payload".
Result<JobCheckpoint> decode_checkpoint(std::string_view bytes);

}  // namespace servo::model
