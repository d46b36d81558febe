#include "model/job.h"

#include <array>

#include "base/varint.h"

namespace servo::model {
namespace {

constexpr std::array<std::string_view, kJobStateCount> kStateNames = {
    "pending",
    "waiting_upstream",
    "running",
    "paused",
    "resuming",
    "cancelling",
    "completed",
    "failed",
    "cancelled",
};

// The one transition table: kAllowed[from] lists the states that may follow. docs/state_machine.md
// draws the same; a test compares them.
using S = JobState;
struct Row {
    JobState from;
    std::array<bool, kJobStateCount> to;
};
constexpr Row row(JobState from, std::initializer_list<JobState> to) {
    Row r{from, {}};
    for (const JobState state : to) {
        r.to[static_cast<size_t>(state)] = true;
    }
    return r;
}
constexpr std::array<Row, kJobStateCount> kAllowed = {{
    row(S::kPending,
        {S::kWaitingUpstream,
         S::kRunning,
         S::kPaused,
         S::kCancelling,
         S::kCancelled,
         S::kFailed,
         S::kCompleted}),
    row(S::kWaitingUpstream, {S::kPending, S::kRunning, S::kPaused, S::kCancelling, S::kCancelled}),
    row(S::kRunning, {S::kPaused, S::kCancelling, S::kCancelled, S::kCompleted, S::kFailed}),
    row(S::kPaused, {S::kResuming, S::kCancelling, S::kCancelled, S::kCompleted, S::kFailed}),
    row(S::kResuming,
        {S::kRunning, S::kPaused, S::kCancelling, S::kCancelled, S::kCompleted, S::kFailed}),
    row(S::kCancelling, {S::kCancelled}),
    row(S::kCompleted, {}),
    row(S::kFailed, {S::kRunning}),
    row(S::kCancelled, {}),
}};

template <typename Enum, size_t N>
std::optional<Enum> from_name(const std::array<std::string_view, N>& names, std::string_view name) {
    for (size_t i = 0; i < N; ++i) {
        if (names[i] == name) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

constexpr std::array<std::string_view, 4> kPolicyNames = {"missing", "failed", "stale", "all"};

constexpr uint64_t kCheckpointCodec = 1;

void put_bytes(std::string& out, std::string_view bytes) {
    put_varint(out, bytes.size());
    out += bytes;
}

}  // namespace

std::string_view to_string(JobState state) {
    return kStateNames[static_cast<size_t>(state)];
}

std::optional<JobState> job_state_from(std::string_view name) {
    return from_name<JobState>(kStateNames, name);
}

bool transition_allowed(JobState from, JobState to) {
    return kAllowed[static_cast<size_t>(from)].to[static_cast<size_t>(to)];
}

bool is_terminal(JobState state) {
    return state == JobState::kCompleted || state == JobState::kFailed ||
           state == JobState::kCancelled;
}

std::string_view to_string(ReprocessPolicy policy) {
    return kPolicyNames[static_cast<size_t>(policy)];
}

std::optional<ReprocessPolicy> reprocess_policy_from(std::string_view name) {
    return from_name<ReprocessPolicy>(kPolicyNames, name);
}

std::string encode_checkpoint(const JobCheckpoint& checkpoint) {
    std::string out;
    put_varint(out, kCheckpointCodec);
    for (const RunSet* set :
         {&checkpoint.remaining, &checkpoint.failed, &checkpoint.skipped, &checkpoint.cancelled}) {
        put_bytes(out, set->encode());
    }
    const JobCounters& c = checkpoint.counters;
    for (const uint64_t value :
         {c.completed, c.failed, c.skipped, c.cancelled, c.attempts_completed}) {
        put_varint(out, value);
    }
    put_signed_varint(out, c.busy_us);
    put_signed_varint(out, c.wasted_us);
    put_varint(out, kFailureClassCount);
    for (const uint64_t value : c.attempts_failed) {
        put_varint(out, value);
    }
    put_varint(out, crc32c(out));
    return out;
}

Result<JobCheckpoint> decode_checkpoint(std::string_view bytes) {
    const Error corrupt = internal("corrupt_payload", "A job checkpoint cannot be read.");
    std::string_view rest = bytes;
    const auto number = [&rest]() -> Result<uint64_t> {
        VarintReader in(rest);
        const uint64_t value = SERVO_TRY(in.next());
        rest = in.rest();
        return value;
    };
    if (SERVO_TRY(number()) != kCheckpointCodec) {
        return fail(corrupt);
    }
    JobCheckpoint out;
    for (RunSet* set : {&out.remaining, &out.failed, &out.skipped, &out.cancelled}) {
        const uint64_t length = SERVO_TRY(number());
        if (length > rest.size()) {
            return fail(corrupt);
        }
        *set = SERVO_TRY(RunSet::decode(rest.substr(0, length)));
        rest.remove_prefix(length);
    }
    JobCounters& c = out.counters;
    for (uint64_t* value :
         {&c.completed, &c.failed, &c.skipped, &c.cancelled, &c.attempts_completed}) {
        *value = SERVO_TRY(number());
    }
    VarintReader in(rest);
    c.busy_us = SERVO_TRY(in.next_signed());
    c.wasted_us = SERVO_TRY(in.next_signed());
    rest = in.rest();
    const uint64_t classes = SERVO_TRY(number());
    for (uint64_t i = 0; i < classes; ++i) {
        const uint64_t value = SERVO_TRY(number());
        if (i < kFailureClassCount) {
            c.attempts_failed[i] = value;
        }
    }
    const std::string_view covered = bytes.substr(0, bytes.size() - rest.size());
    if (SERVO_TRY(number()) != crc32c(covered) || !rest.empty()) {
        return fail(corrupt);
    }
    return out;
}

}  // namespace servo::model
