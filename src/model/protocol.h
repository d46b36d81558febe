// The executor protocol as values (docs/reference/executor_protocol.md). The API layer maps them to
// JSON; the scheduler answers them; the executor's keeper speaks them.
//
// A lease gives one slot of an executor the right to run a sequence of partitions, one after the
// other. It is handed out as one grant and may be topped up by further grants; positions number the
// partitions of a lease from 0 in the order of its grants. The executor starts positions strictly
// in order, so "how far" is one number.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/asset.h"
#include "model/failure.h"
#include "model/ids.h"
#include "model/ordinals.h"
#include "model/phase.h"
#include "model/run_set.h"

namespace servo::model {

constexpr Millis kHeartbeatInterval{2'000};
constexpr Millis kLeaseTtl{10'000};
constexpr Millis kExecutorStopAfter{8'000};  // counted from when the request was sent
constexpr Millis kAcquireParkMax{20'000};
constexpr int kSlotsPerExecutorMax = 1'024;
constexpr size_t kResultsPerReportMax = 100'000;
constexpr uint64_t kPartitionsPerGrantMax = 10'000;
constexpr size_t kRunsPerGrantMax = 1'000;

// What a slot does with its time, reported as cumulative ms since the session began. The words are
// the ledger's; persisted and on the wire by name.
enum class SlotState { kIdle, kHeld, kBusy, kReport, kDraining };
constexpr size_t kSlotStateCount = 5;
std::string_view to_string(SlotState state);
using SlotMillis = std::array<int64_t, kSlotStateCount>;

struct Grant {
    int64_t number = 0;    // per session, ascending
    LeaseId lease;         // the same in every top-up of one lease
    Token token_base = 0;  // attempt at the grant's i-th partition carries token_base + i
    // Of its first partition in the lease. An executor for which the lease ends elsewhere takes the
    // grant as received and runs nothing of it: it was given before a shorter lease was known.
    uint64_t first_position = 0;
    JobId job;
    int generation = 1;
    int attempt = 1;  // SERVO_ATTEMPT of every partition in the grant
    TenantId tenant;
    std::string tenant_name;
    AssetId asset;
    int revision = 0;
    std::vector<Run> runs;  // indices, in the order they are to be run
    // The ordinals of the same indices, in the same order. When `reversed`, the runs come in
    // descending order and each is walked from its last member to its first.
    std::vector<OrdinalRun> ordinals;
    bool reversed = false;
    Millis timeout{0};  // per partition
    int64_t memory_bytes = 0;
    bool suspect = false;     // run alone: an executor died while it held this
    std::string traceparent;  // of the request that started the job, or empty
    uint64_t size() const;    // partitions in it
    bool operator==(const Grant&) const = default;
};

// A lease as its executor sees it.
struct HeldLease {
    LeaseId lease;
    uint64_t size = 0;     // positions it means to run: grants received, less what was shrunk
    uint64_t started = 0;  // positions [0, started) were started
    bool operator==(const HeldLease&) const = default;
};

struct DoneResult {
    uint64_t position = 0;
    Instant started_at;
    Micros duration{0};
    int64_t rows = -1;
    int64_t bytes = -1;
    int64_t max_rss_kb = -1;
    int64_t cpu_us = -1;
    bool operator==(const DoneResult&) const = default;
};

struct FailedResult {
    uint64_t position = 0;
    Instant started_at;
    Micros duration{0};
    FailureClass klass = FailureClass::kError;
    int exit_code = 0;      // -signal for a signal
    std::string message;    // capped at kMessageBytesMax
    Millis retry_after{0};  // the program's wish; 0 = none
    std::string pool;       // the pool to blame for an external failure; empty = all of them
    int64_t max_rss_kb = -1;
    int64_t cpu_us = -1;
    // Lost: its slot process died under it, which nobody had asked to stop it. The partition may be
    // what killed it.
    bool slot_died = false;
    bool operator==(const FailedResult&) const = default;
};

struct LogTail {
    uint64_t position = 0;
    uint64_t bytes_total = 0;
    std::string tail;  // capped at kLogTailBytesMax; packed once the server has it
    bool operator==(const LogTail&) const = default;
};

// What a program told of its attempt's time; what it did not name is 0. The leader cuts it to the
// attempt's duration.
struct PhaseTimes {
    uint64_t position = 0;
    PhaseMicros us{};
    bool operator==(const PhaseTimes&) const = default;
};

// Results of one lease; together they cover the next positions after those already reported.
struct LeaseResults {
    LeaseId lease;
    std::vector<DoneResult> done;
    std::vector<FailedResult> failed;
    std::vector<LogTail> logs;
    std::vector<PhaseTimes> phases;  // of those whose programs told
    bool operator==(const LeaseResults&) const = default;
};

// A commit by its place in the chain of batches. Executors echo the highest they heard of, so that
// a leader notices when its database is older than what was acknowledged.
struct CommitMark {
    int64_t epoch = 0;
    int64_t seq = 0;
    auto operator<=>(const CommitMark&) const = default;
};

struct RegisterRequest {
    std::string executor;  // name, [a-zA-Z0-9._-]{1,128}
    SessionId session;     // random, chosen by the executor
    // Rises with each registration of the session, from 1: one that arrives late, behind a newer
    // one, changes nothing. 0 = not numbered.
    int64_t number = 0;
    int slots = 1;
    std::map<std::string, std::string> labels;
    std::string build;
    std::string host;
    int64_t pid = 0;
    // True when every process of this executor's earlier lives is known to be gone, so that their
    // leases may be given out again at once instead of after their time to live.
    bool previous_gone = false;
    std::vector<HeldLease> held;  // when it returns after a change of leader
    int64_t ack = 0;              // highest grant number received in this session
    CommitMark seen;
};

struct RegisterReply {
    ExecutorId executor_id;
    int64_t epoch = 0;
    int64_t seq = 0;  // of the last commit
    Millis heartbeat_interval = kHeartbeatInterval;
    Millis lease_ttl = kLeaseTtl;
};

enum class CallKind { kReport, kAcquire };

// `report` and `acquire` carry the same; acquire has no results and may be parked.
struct CallRequest {
    CallKind kind = CallKind::kReport;
    SessionId session;
    int64_t call = 0;  // per kind, strictly increasing; the same number gets the same reply
    int64_t ack = 0;   // highest grant number received
    std::vector<HeldLease> held;
    std::vector<LeaseResults> results;
    SlotMillis slot_ms{};
    int free_slots = 0;  // slots without a lease that want one
    bool draining = false;
    // The last call of this life, a report: none of its programs is left. What it still holds is
    // given out again at once.
    bool leaving = false;
    CommitMark seen;
};

enum class LeaseAction { kShrink, kStop, kUnknown };
std::string_view to_string(LeaseAction action);

struct LeaseControl {
    LeaseId lease;
    LeaseAction action = LeaseAction::kShrink;
    uint64_t size = 0;  // kShrink: start nothing at or after this position
    bool operator==(const LeaseControl&) const = default;
};

// What an executor needs to run an asset's partitions; sent until a grant that needs it is acked.
struct Definition {
    AssetId asset;
    int revision = 0;
    AssetSpec spec;
    std::string code_dir;
};

struct CallReply {
    int64_t epoch = 0;
    int64_t seq = 0;  // of the last commit
    int64_t call = 0;
    std::vector<Grant> grants;  // every grant of the session that is not acked yet, ascending
    std::vector<LeaseControl> controls;
    std::vector<Definition> definitions;
    bool drain = false;
    bool empty() const { return grants.empty() && controls.empty() && !drain; }
};

}  // namespace servo::model
