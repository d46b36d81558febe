// Rows of the tables as values of the model: the column lists and their readers, next to each other
// so that they cannot drift apart. A reader takes the present row of a query whose first columns
// are the list.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "store/sql/reader.h"
#include "store/store.h"

#define SERVO_JOB_COLUMNS                                                                         \
    "job_id, tenant_id, group_id, asset_id, revision, wants_latest, total, keys_fingerprint,"     \
    " reprocess, overlap,"                                                                        \
    " range_start, range_end, note, created_by, traceparent, created_at_ms, priority,"            \
    " deadline_ms,"                                                                               \
    " max_concurrency, max_failures_count, max_failures_percent, max_failures_percent_after,"     \
    " timeout_ms, memory_bytes, max_attempts, temporary_settings, state, state_reason,"           \
    " state_note, state_by, state_since_ms, resume_at_ms, waits_for, generation, started_at_ms, " \
    "completed_at_ms, claims"
#define SERVO_FAILURE_COLUMNS                                                                      \
    "failure_id, seq, job_id, idx, generation, attempt, token, deaths, class, final, retry_at_ms," \
    " next_attempt, first_failed_at_ms, exit_code, message, started_at_ms, ended_at_ms,"           \
    " executor_id, max_rss_kb, cpu_us"
#define SERVO_TOKEN_COLUMNS                                                              \
    "token_id, tenant_id, role, labels, secret_sha256, note, created_by, created_at_ms," \
    " expires_at_ms, revoked_at_ms"
#define SERVO_EVENT_COLUMNS "tenant_id, at_ms, actor, kind, subject, detail"
#define SERVO_REVISION_COLUMNS \
    "asset_id, revision, tenant_id, definition, created_at_ms, created_by, code_dir"

namespace servo::store::sql {

using namespace model;

constexpr int kJobColumns = 37;      // of SERVO_JOB_COLUMNS
constexpr int kTokenColumns = 10;    // of SERVO_TOKEN_COLUMNS
constexpr int kEventColumns = 6;     // of SERVO_EVENT_COLUMNS
constexpr int kDoneCodecColumn = 1;  // what done_log.codec says of encode_done's payload

// A word of a column that this version does not know: internal / "corrupt_payload".
Error unknown_word(std::string_view column, std::string_view word);

Result<TenantRow> read_tenant(const Query& row);
Result<PoolRow> read_pool(const Query& row);
AssetHead read_asset(const Query& row);
Result<ExecutorRow> read_executor(const Query& row);
// Without the ordinals; `total` is a column of its own.
struct JobColumns {
    JobRow row;
    uint64_t total = 0;
};
Result<JobColumns> read_job(const Query& row);
struct StoredFailure {
    int64_t id = 0;
    int64_t seq = 0;
    FailureRow row;
};
Result<StoredFailure> read_failure(const Query& row);
// Compiles the partition scheme.
Result<std::shared_ptr<const AssetRevision>> read_revision(const Query& row);
EventRow read_event(const Query& row);
// span, at_ms, epoch, scope, entries.
Result<LedgerRow> read_ledger(const Query& row);
Result<TokenRow> read_token(const Query& row);

std::string_view to_string(OverlapPolicy policy);
std::optional<OverlapPolicy> overlap_from(std::string_view name);

// Error: internal / "corrupt_payload" when they do not match the job's fingerprint.
Result<std::shared_ptr<const OrdinalView>> decode_ordinals(
    std::string_view packed, JobId job, uint64_t fingerprint
);
// The same of the database, also when the job has none.
Result<std::shared_ptr<const OrdinalView>> read_ordinals(
    Reader& db, JobId job, uint64_t fingerprint
);
// The job's last checkpoint, or the untouched one.
Result<JobCheckpoint> read_checkpoint(Reader& db, const JobRow& job);

}  // namespace servo::store::sql
