#include "store/sqlite/job_reader.h"

#include <algorithm>
#include <limits>

namespace servo::store::sqlite {

Result<std::optional<JobColumns>> read_job_row(Connection& db, JobId id, Ordinals ordinals) {
    std::optional<JobColumns> out;
    {
        Query query =
            SERVO_TRY(db.query("SELECT " SERVO_JOB_COLUMNS " FROM jobs WHERE job_id = ?"));
        query.bind(id);
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

Status visit_done(
    Connection& db,
    JobId job,
    uint64_t first,
    uint64_t last,
    int64_t after_seq,
    const DoneVisitor& visit
) {
    Query query = SERVO_TRY(
        db.query("SELECT block, seq, payload FROM done_log"
                 " WHERE job_id = ? AND block BETWEEN ? AND ? AND seq > ? ORDER BY block, seq")
    );
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    query.bind(job, first, std::min(last, kMax), after_seq);
    while (SERVO_TRY(query.step())) {
        const auto block = static_cast<uint64_t>(query.integer(0));
        const std::vector<DoneEntry> entries = SERVO_TRY(decode_done(query.bytes(2), block));
        SERVO_CHECK(visit(block, query.integer(1), entries));
    }
    return {};
}

Result<std::vector<StoredFailure>> failures_after(Connection& db, JobId job, int64_t after_seq) {
    // Newest first, so that the old ones of a long job are never looked at.
    Query query = SERVO_TRY(db.query("SELECT " SERVO_FAILURE_COLUMNS
                                     " FROM partition_failures INDEXED BY failures_by_job"
                                     " WHERE job_id = ? ORDER BY failure_id DESC"));
    query.bind(job);
    std::vector<StoredFailure> out;
    while (SERVO_TRY(query.step())) {
        StoredFailure failure = SERVO_TRY(read_failure(query));
        if (failure.seq <= after_seq) {
            break;
        }
        out.push_back(std::move(failure));
    }
    std::reverse(out.begin(), out.end());
    return out;
}

Result<Replay> read_exact(Connection& db, const JobRow& job) {
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

Result<FailedTokens> read_failed_tokens(Connection& db, JobId job) {
    Query query = SERVO_TRY(db.query("SELECT token, idx FROM partition_failures WHERE job_id = ?"));
    query.bind(job);
    FailedTokens out;
    while (SERVO_TRY(query.step())) {
        out[query.integer(0)] = static_cast<Index>(query.integer(1));
    }
    return out;
}

Result<std::vector<GrantRow>> read_grants(Connection& db, JobId job) {
    Query query = SERVO_TRY(db.query("SELECT " SERVO_GRANT_COLUMNS " FROM leases WHERE job_id = ?"
                                     " ORDER BY lease_id, grant_number"));
    query.bind(job);
    std::vector<GrantRow> out;
    while (SERVO_TRY(query.step())) {
        out.push_back(SERVO_TRY(read_grant(query)));
    }
    return out;
}

Result<Snapshot::OpenJob> read_open_job(Connection& db, const JobRow& job) {
    Snapshot::OpenJob out;
    out.row = job;
    Replay exact = SERVO_TRY(read_exact(db, job));
    out.done_after = exact.done_after();
    out.failed_after = exact.failed_after();
    out.checkpoint = exact.take();
    Query newest = SERVO_TRY(
        db.query("SELECT idx, max(failure_id) FROM partition_failures INDEXED BY failures_by_index"
                 " WHERE job_id = ? GROUP BY idx")
    );
    newest.bind(job.id);
    while (SERVO_TRY(newest.step())) {
        if (!out.checkpoint.remaining.contains(static_cast<Index>(newest.integer(0)))) {
            continue;
        }
        Query one = SERVO_TRY(db.query("SELECT " SERVO_FAILURE_COLUMNS
                                       " FROM partition_failures WHERE failure_id = ?"));
        one.bind(newest.integer(1));
        if (SERVO_TRY(one.step())) {
            out.retrying.push_back(SERVO_TRY(read_failure(one)).row);
        }
    }
    return out;
}

}  // namespace servo::store::sqlite
