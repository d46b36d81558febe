#include "store/sql/fsck.h"

#include <fmt/format.h>

#include <limits>
#include <map>

#include "model/job_id.h"
#include "store/sql/job_reader.h"
#include "store/state_block.h"

namespace servo::store::sql {
namespace {

class Fsck {
 public:
    explicit Fsck(Reader& db) : db_(db) {}

    Result<std::vector<std::string>> run(const std::vector<std::string>& structure) {
        note_all(structure);
        SERVO_CHECK(check_chain());
        SERVO_CHECK(check_orphans());
        SERVO_CHECK(check_revisions());
        SERVO_CHECK(read_leases());
        SERVO_CHECK(check_jobs());
        SERVO_CHECK(check_states_of_assets());
        SERVO_CHECK(check_ledger());
        return std::move(findings_);
    }

 private:
    void note(std::string sentence) {
        if (findings_.size() < kFsckFindingsMax) {
            findings_.push_back(std::move(sentence));
        }
    }
    void note_all(const std::vector<std::string>& sentences) {
        for (const std::string& sentence : sentences) {
            note(sentence);
        }
    }
    // A row that cannot be read is a finding; anything else that goes wrong ends the check.
    Status tolerate(const Status& status, const std::string& where) {
        if (!status && status.error().reason == "corrupt_payload") {
            note(fmt::format("{}: {}", where, status.error().message));
            return {};
        }
        return status;
    }

    Status check_chain() {
        ChainCheck chain;
        Query query = SERVO_TRY(db_.query("SELECT epoch, seq, now_ms FROM batches ORDER BY seq"));
        while (SERVO_TRY(query.step())) {
            chain.add(query.integer(0), query.integer(1), query.instant(2));
        }
        const auto epoch = SERVO_TRY(db_.integer("SELECT epoch FROM leader WHERE id = 1"));
        if (!epoch) {
            note("The leader row is gone.");
        }
        note_all(chain.findings(epoch.value_or(0)));
        return {};
    }

    Status check_orphans() {
        for (const char* table :
             {"job_ordinals",
              "job_checkpoints",
              "done_log",
              "partition_failures",
              "partition_logs"}) {
            Query query = SERVO_TRY(db_.once(fmt::format(
                "SELECT count(*) FROM {} WHERE job_id NOT IN (SELECT job_id FROM jobs)", table
            )));
            if (SERVO_TRY(query.step()) && query.integer(0) > 0) {
                note(fmt::format(
                    "{} rows of {} belong to jobs that do not exist.", query.integer(0), table
                ));
            }
        }
        return {};
    }

    Status check_revisions() {
        Query query =
            SERVO_TRY(db_.query("SELECT " SERVO_REVISION_COLUMNS " FROM asset_revisions"));
        while (SERVO_TRY(query.step())) {
            const auto revision = read_revision(query);
            if (!revision) {
                note(fmt::format(
                    "Asset {} revision {}: {}",
                    query.integer(0),
                    query.integer(1),
                    revision.error().message
                ));
            }
        }
        return {};
    }

    Status read_leases() {
        const Result<LeaseLog> log = read_lease_log(db_);
        if (!log) {
            return tolerate(fail(log.error()), "Leases");
        }
        grants_ = by_job(*log);
        for (const auto& [job, grants] : grants_) {
            if (!SERVO_TRY(db_.integer("SELECT job_id FROM jobs WHERE job_id = ?", job))) {
                note(fmt::format(
                    "{} leases belong to job {}, which does not exist.", grants.size(), to_text(job)
                ));
            }
        }
        return {};
    }

    Status check_jobs() {
        std::vector<JobColumns> jobs;
        {
            Query query =
                SERVO_TRY(db_.query("SELECT " SERVO_JOB_COLUMNS " FROM jobs ORDER BY job_id"));
            while (SERVO_TRY(query.step())) {
                auto job = read_job(query);
                if (job) {
                    jobs.push_back(std::move(*job));
                } else {
                    note(job.error().message);
                }
            }
        }
        for (JobColumns& job : jobs) {
            SERVO_CHECK(tolerate(check_job(job), "Job " + to_text(job.row.id)));
        }
        return {};
    }

    Status check_job(JobColumns& job) {
        job.row.ordinals = SERVO_TRY(read_ordinals(db_, job.row.id, job.row.keys_fingerprint));
        if (job.row.total() != job.total) {
            note(fmt::format(
                "Job {} says it has {} partitions, its list has {}.",
                to_text(job.row.id),
                job.total,
                job.row.total()
            ));
        }
        JobCheck check(job.row, SERVO_TRY(read_exact(db_, job.row)).take());
        SERVO_CHECK(visit_done(
            db_,
            job.row.id,
            0,
            std::numeric_limits<uint64_t>::max(),
            -1,
            [&](uint64_t block, int64_t, const std::vector<DoneEntry>& entries) -> Status {
                check.add_done(block, entries);
                return {};
            }
        ));
        for (const StoredFailure& failure : SERVO_TRY(failures_after(db_, job.row.id, -1))) {
            check.add_failure(failure.row);
        }
        for (const GrantRow& grant : grants_[job.row.id]) {
            check.add_grant(grant);
        }
        note_all(check.findings());
        facts_.emplace(job.row.id, check.facts());
        return {};
    }

    Status check_states_of_assets() {
        Query query = SERVO_TRY(
            db_.query("SELECT asset_id, block, runs FROM partition_state ORDER BY asset_id, block")
        );
        while (SERVO_TRY(query.step())) {
            const auto asset = query.id<AssetId>(0);
            const auto block = StateBlock::decode(query.bytes(2), query.integer(1));
            if (block) {
                note_all(check_states(asset, *block, facts_));
            } else {
                note(fmt::format(
                    "Asset {} block {}: {}", asset.value, query.integer(1), block.error().message
                ));
            }
        }
        return {};
    }

    Status check_ledger() {
        LedgerCheck check;
        Query query = SERVO_TRY(db_.query(
            "SELECT span, at_ms, epoch, scope, entries FROM ledger ORDER BY span, at_ms, epoch"
        ));
        while (SERVO_TRY(query.step())) {
            const auto row = read_ledger(query);
            if (row) {
                check.add(*row);
            } else {
                note(fmt::format("Ledger of {}: {}", query.integer(1), row.error().message));
            }
        }
        note_all(check.findings());
        return {};
    }

    Reader& db_;
    std::vector<std::string> findings_;
    std::map<JobId, std::vector<GrantRow>> grants_;
    std::map<JobId, JobFacts> facts_;
};

}  // namespace

Result<std::vector<std::string>> check_database(
    Reader& db, const std::vector<std::string>& structure
) {
    return Fsck(db).run(structure);
}

}  // namespace servo::store::sql
