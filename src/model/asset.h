// An asset as declared: what `servo apply` stores, one immutable revision per change.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/failure.h"
#include "model/ids.h"
#include "model/partition_scheme.h"

namespace servo::model {

enum class RunnerKind { kCommand, kWorker, kBatch, kSynthetic };

// How the `synthetic` runner behaves: sleeps, fails by chance; for load tests and demonstrations.
struct SyntheticSpec {
    Micros duration{0};      // median
    int spread_percent = 0;  // uniform ± around the median
    int fail_per_mille = 0;  // chance of failure per attempt
    FailureClass fail_class = FailureClass::kTransient;
    bool operator==(const SyntheticSpec&) const = default;
};

struct RunnerSpec {
    RunnerKind kind = RunnerKind::kCommand;
    std::vector<std::string> argv;  // templates; empty for synthetic
    bool shell = false;             // argv[0] is then a /bin/sh script
    int batch_size = 100;           // most partitions of one `batch` process
    SyntheticSpec synthetic;
    bool operator==(const RunnerSpec&) const = default;
};

// A reference, resolved on the executor when an attempt starts; never a value.
struct SecretRef {
    std::string env;  // exactly one of the two is set
    std::string file;
    bool operator==(const SecretRef&) const = default;
};

struct RetryPolicy {
    std::optional<int> max_attempts;  // for every class that counts; else its default
    std::map<FailureClass, int> by_class;
    Millis backoff_initial{5'000};
    Millis backoff_max{300'000};
    Millis external_max_elapsed{6 * 3'600'000};
    bool operator==(const RetryPolicy&) const = default;
};

enum class UpstreamMapping { kSame, kOverlap, kAll, kOffset };
struct UpstreamLink {
    UpstreamMapping mapping = UpstreamMapping::kSame;
    int offset = 0;  // windows, only with kOffset
    bool operator==(const UpstreamLink&) const = default;
};

struct AssetSpec {
    std::string name;  // [a-z0-9][a-z0-9._-]{0,127}
    std::string owner;
    std::string description;
    SchemeSpec partitions;
    RunnerSpec run;
    std::map<std::string, std::string> env;
    std::map<std::string, SecretRef> secrets;
    int64_t memory_bytes = 0;                   // 0 = no limit
    int cpu_milli = 0;                          // advisory; 0 = unset
    std::map<std::string, std::string> labels;  // the executor must have them
    Millis timeout{3'600'000};
    RetryPolicy retries;
    std::map<int, FailureClass> exit_codes;
    int64_t concurrency = 0;           // 0 = no limit
    std::map<std::string, int> pools;  // name → units that a partition takes, ≥ 1
    std::string code_version;
    bool sequential = false;  // one at a time, in order; a failure stops the job
    std::map<std::string, UpstreamLink> upstream;
    bool operator==(const AssetSpec&) const = default;
};

// One immutable revision. `scheme` is compiled from spec.partitions.
struct AssetRevision {
    AssetId asset;
    TenantId tenant;
    int revision = 0;  // from 1
    AssetSpec spec;
    std::shared_ptr<const PartitionScheme> scheme;
    Instant created_at;
    std::string created_by;
    std::string code_dir;  // folder of the asset file, as the applying client gave it; may be empty
};

// Attempts that `klass` may use under `policy` (0 = not counted).
int attempts_allowed(const RetryPolicy& policy, FailureClass klass);

// JSON text, canonical (sorted keys, defaults left out), codec version inside. Equal specs give
// equal text, so "nothing changed" is one comparison. Decode errors: internal / "corrupt_payload".
std::string encode_asset(const AssetSpec& spec);
Result<AssetSpec> decode_asset(std::string_view json);

}  // namespace servo::model
