// What the tables say of one job, by the rules of store/replay.h. Shared by load, history, the
// views of `servo sql` and fsck. Each call reads what it needs; for one consistent picture of
// several calls begin a read transaction first.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "store/replay.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/rows.h"

namespace servo::store::sqlite {

enum class Ordinals { kRead, kLeaveOut };

// nullopt: no such job.
Result<std::optional<JobColumns>> read_job_row(Connection& db, JobId id, Ordinals ordinals);

using DoneVisitor =
    std::function<Status(uint64_t block, int64_t seq, const std::vector<DoneEntry>& entries)>;
// Done rows of blocks [first, last] of batches after `after_seq`, by block and batch.
Status visit_done(
    Connection& db,
    JobId job,
    uint64_t first,
    uint64_t last,
    int64_t after_seq,
    const DoneVisitor& visit
);

// Failures of batches after `after_seq`, in commit order.
Result<std::vector<StoredFailure>> failures_after(Connection& db, JobId job, int64_t after_seq);

// The exact state; needs job.ordinals only when the job has no checkpoint yet.
Result<Replay> read_exact(Connection& db, const JobRow& job);

Result<FailedTokens> read_failed_tokens(Connection& db, JobId job);
Result<std::vector<GrantRow>> read_grants(Connection& db, JobId job);

// Without the revision.
Result<Snapshot::OpenJob> read_open_job(Connection& db, const JobRow& job);

}  // namespace servo::store::sqlite
