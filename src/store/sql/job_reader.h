// What the tables say of one job, by the rules of store/replay.h. Shared by load, history, the
// views of `servo sql` and fsck. Each call reads what it needs; for one consistent picture of
// several calls begin a read transaction first.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "store/lease_log.h"
#include "store/replay.h"
#include "store/sql/reader.h"
#include "store/sql/rows.h"

namespace servo::store::sql {

enum class Ordinals { kRead, kLeaveOut };

// nullopt: no such job.
Result<std::optional<JobColumns>> read_job_row(Reader& db, JobId id, Ordinals ordinals);

// One that has ended loses its checkpoint first when upkeep drops it, step by step.
Result<bool> being_dropped(Reader& db, const JobRow& job);

using DoneVisitor =
    std::function<Status(uint64_t block, int64_t seq, const std::vector<DoneEntry>& entries)>;
// Done rows of blocks [first, last] of batches after `after_seq`, by block and batch.
Status visit_done(
    Reader& db,
    JobId job,
    uint64_t first,
    uint64_t last,
    int64_t after_seq,
    const DoneVisitor& visit
);

// Failures of batches after `after_seq`, in commit order.
Result<std::vector<StoredFailure>> failures_after(Reader& db, JobId job, int64_t after_seq);

// The exact state; needs job.ordinals only when the job has no checkpoint yet.
Result<Replay> read_exact(Reader& db, const JobRow& job);

Result<FailedTokens> read_failed_tokens(Reader& db, JobId job);
Result<LeaseLog> read_lease_log(Reader& db);

// Without the revision.
Result<Snapshot::OpenJob> read_open_job(Reader& db, const JobRow& job);

}  // namespace servo::store::sql
