#include "store/sql/job_reader.h"

#include <algorithm>
#include <limits>

namespace servo::store::sql {
namespace {

constexpr int kDoneRowsRead = 2'000;

}  // namespace

Result<std::optional<JobColumns>> read_job_row(Reader& db, JobId id, Ordinals ordinals) {
    std::optional<JobColumns> out;
    {
        Query query =
            SERVO_TRY(db.query("SELECT " SERVO_JOB_COLUMNS " FROM jobs WHERE job_id = ?", id));
        if (!SERVO_TRY(query.step())) {
            return std::nullopt;
        }
        out = SERVO_TRY(read_job(query));
    }
    if (ordinals == Ordinals::kRead) {
        out->row.ordinals = SERVO_TRY(read_ordinals(db, id, out->row.keys_fingerprint));
    }
    return out;
}

Result<bool> being_dropped(Reader& db, const JobRow& job) {
    return is_terminal(job.state) &&
           !SERVO_TRY(db.integer("SELECT covers_seq FROM job_checkpoints WHERE job_id = ?", job.id)
           );
}

Status visit_done(
    Reader& db,
    JobId job,
    uint64_t first,
    uint64_t last,
    int64_t after_seq,
    const DoneVisitor& visit
) {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const uint64_t last_block = std::min(last, kMax);
    // A part at a time: a store may hand over the rows of a statement only as a whole.
    uint64_t block = first;
    int64_t seq = -1;  // of the last row seen of `block`
    for (bool more = true; more;) {
        Query query = SERVO_TRY(db.query(
            "SELECT block, seq, payload FROM done_log WHERE job_id = ? AND block <= ?"
            " AND (block, seq) > (?, ?) AND seq > ? ORDER BY block, seq LIMIT ?",
            job,
            last_block,
            block,
            seq,
            after_seq,
            kDoneRowsRead
        ));
        int rows = 0;
        for (; SERVO_TRY(query.step()); ++rows) {
            block = static_cast<uint64_t>(query.integer(0));
            seq = query.integer(1);
            const std::vector<DoneEntry> entries = SERVO_TRY(decode_done(query.bytes(2), block));
            SERVO_CHECK(visit(block, seq, entries));
        }
        more = rows == kDoneRowsRead;
    }
    return {};
}

Result<std::vector<StoredFailure>> failures_after(Reader& db, JobId job, int64_t after_seq) {
    Query query = SERVO_TRY(db.query(
        "SELECT " SERVO_FAILURE_COLUMNS
        " FROM partition_failures WHERE job_id = ? AND seq > ? ORDER BY seq, failure_id",
        job,
        after_seq
    ));
    std::vector<StoredFailure> out;
    while (SERVO_TRY(query.step())) {
        out.push_back(SERVO_TRY(read_failure(query)));
    }
    return out;
}

Result<Replay> read_exact(Reader& db, const JobRow& job) {
    Replay replay(job, SERVO_TRY(read_checkpoint(db, job)));
    const int64_t covered = replay.checkpoint().covers_seq;
    constexpr uint64_t kAllBlocks = std::numeric_limits<uint64_t>::max();
    SERVO_CHECK(visit_done(
        db,
        job.id,
        0,
        kAllBlocks,
        covered,
        [&](uint64_t, int64_t seq, const std::vector<DoneEntry>& entries) -> Status {
            replay.add_done(seq, entries);
            return {};
        }
    ));
    for (const StoredFailure& failure : SERVO_TRY(failures_after(db, job.id, covered))) {
        replay.add_failure(failure.seq, failure.row);
    }
    return replay;
}

Result<FailedTokens> read_failed_tokens(Reader& db, JobId job) {
    Query query =
        SERVO_TRY(db.query("SELECT token, idx FROM partition_failures WHERE job_id = ?", job));
    FailedTokens out;
    while (SERVO_TRY(query.step())) {
        out[query.integer(0)] = static_cast<Index>(query.integer(1));
    }
    return out;
}

Result<LeaseLog> read_lease_log(Reader& db) {
    Query query = SERVO_TRY(db.query("SELECT seq, whole, payload FROM lease_log ORDER BY seq"));
    LeaseLog out;
    while (SERVO_TRY(query.step())) {
        SERVO_CHECK(out.take(query.integer(0), query.integer(1) != 0, query.bytes(2)));
    }
    return out;
}

Result<Snapshot::OpenJob> read_open_job(Reader& db, const JobRow& job) {
    Snapshot::OpenJob out;
    out.row = job;
    Replay exact = SERVO_TRY(read_exact(db, job));
    out.done_after = exact.done_after();
    out.failed_after = exact.failed_after();
    out.checkpoint = exact.take();
    Query newest = SERVO_TRY(db.query(
        "SELECT " SERVO_FAILURE_COLUMNS
        " FROM partition_failures WHERE job_id = ? AND failure_id IN"
        " (SELECT max(failure_id) FROM partition_failures WHERE job_id = ? GROUP BY idx)"
        " ORDER BY idx",
        job.id,
        job.id
    ));
    while (SERVO_TRY(newest.step())) {
        if (out.checkpoint.remaining.contains(static_cast<Index>(newest.integer(3)))) {
            out.retrying.push_back(SERVO_TRY(read_failure(newest)).row);
        }
    }
    return out;
}

}  // namespace servo::store::sql
