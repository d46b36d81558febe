// What is recorded of partitions: the done log, failures, log tails and the materialised state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/failure.h"
#include "model/ids.h"
#include "model/ordinals.h"

namespace servo::model {

// Indices of one done-log row lie in one aligned block of this many.
constexpr uint64_t kDoneBlockSize = 4'096;
constexpr size_t kLogTailBytesMax = 64 * 1024;
constexpr size_t kMessageBytesMax = 2'000;

// One successful partition.
struct DoneEntry {
    Index index = 0;
    Instant started_at;
    Micros duration{0};
    int attempt = 1;
    ExecutorId executor;
    int64_t rows = -1;  // as the program reported; -1 = not reported
    int64_t bytes = -1;
    int64_t max_rss_kb = -1;  // peak, wait4; -1 = not known
    int64_t cpu_us = -1;      // user + system
    bool operator==(const DoneEntry&) const = default;
};

// Packed columns of entries with ascending indices of one block; codec version first, CRC-32C last.
// Exact: what is read back equals what was written.
// Columns whose values are all absent cost a bit.
std::string encode_done(const std::vector<DoneEntry>& entries, uint64_t block);
// Error: internal / "corrupt_payload" (also on a checksum mismatch).
Result<std::vector<DoneEntry>> decode_done(std::string_view bytes, uint64_t block);

// One failed attempt. The newest row of an index says whether it is final or when it runs again.
struct FailureRow {
    JobId job;
    Index index = 0;
    int generation = 1;
    int attempt = 1;  // number of the attempt that failed
    Token token = 0;  // of the attempt; tells under which grant it ran
    int deaths = 0;   // deaths of executors or slot processes that ran it
    FailureClass klass = FailureClass::kError;
    bool final = false;
    Instant retry_at;         // when not final
    int next_attempt = 1;     // attempt number of the retry, when not final
    Instant first_failed_at;  // of this row's class streak, for external_max_elapsed
    int exit_code = 0;        // -signal for a signal
    std::string message;
    Instant started_at;
    Instant ended_at;
    ExecutorId executor;
    int64_t max_rss_kb = -1;
    int64_t cpu_us = -1;
    bool operator==(const FailureRow&) const = default;
};

// Tail of what an attempt printed: text, or packed (base/packed_text.h).
struct LogRow {
    JobId job;
    Index index = 0;
    int generation = 1;
    int attempt = 1;
    Instant at;
    uint64_t bytes_total = 0;  // printed, of which `tail` is the end
    std::string tail;
    bool operator==(const LogRow&) const = default;
};

// Last outcome of a partition of an asset, whatever job produced it.
enum class Outcome { kSucceeded, kFailed, kSkipped, kMissing };
std::string_view to_string(Outcome outcome);
std::optional<Outcome> outcome_from(std::string_view name);

// A change of the materialised state: these partitions of `asset` now stand at `outcome`.
struct MaterialisedChange {
    TenantId tenant;
    AssetId asset;
    std::vector<OrdinalRun> ordinals;  // ascending
    Outcome outcome = Outcome::kSucceeded;
    JobId job;
    int revision = 0;
    Instant at;
    bool operator==(const MaterialisedChange&) const = default;
};

}  // namespace servo::model
