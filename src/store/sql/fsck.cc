#include "store/sql/fsck.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <set>

#include "model/job_id.h"
#include "store/sql/job_reader.h"
#include "store/sql/load.h"
#include "store/state_check.h"

namespace servo::store::sql {
namespace {

// Rows of `table` that stand for something of `of`, by the column of that name in both.
struct Reference {
    const char* table;
    const char* column;
    const char* of;
    bool zero_is_nobody = false;  // 0: of the whole installation
};

constexpr const char* kTablesOfJobs[] = {
    "job_ordinals", "job_checkpoints", "done_log", "partition_failures", "partition_logs"};

constexpr Reference kReferences[] = {
    {"job_ordinals", "job_id", "jobs"},
    {"job_checkpoints", "job_id", "jobs"},
    {"done_log", "job_id", "jobs"},
    {"partition_failures", "job_id", "jobs"},
    {"partition_logs", "job_id", "jobs"},
    {"jobs", "tenant_id", "tenants"},
    {"jobs", "asset_id", "assets"},
    {"assets", "tenant_id", "tenants"},
    {"asset_revisions", "asset_id", "assets"},
    {"partition_state", "asset_id", "assets"},
    {"duration_stats", "asset_id", "assets"},
    {"pools", "tenant_id", "tenants", true},
    {"executors", "tenant_id", "tenants", true},
    {"tokens", "tenant_id", "tenants", true},
};

class Fsck {
 public:
    explicit Fsck(Reader& db) : db_(db) {}

    Result<std::vector<std::string>> run(const std::vector<std::string>& structure) {
        note_all(structure);
        SERVO_CHECK(check_chain());
        SERVO_CHECK(check_definitions());
        SERVO_CHECK(check_references());
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

    // What cannot be read for the leader that loads it is a finding, too.
    Status check_definitions() {
        RevisionCache revisions;
        const auto read = load_definitions(db_, revisions);
        return read ? Status{} : tolerate(fail(read.error()), "Definitions");
    }

    // Rows of `table` that `condition` finds, as "N rows of TABLE …".
    Status count_rows(const char* table, const std::string& condition, const std::string& what) {
        Query query =
            SERVO_TRY(db_.once(fmt::format("SELECT count(*) FROM {} x WHERE {}", table, condition))
            );
        if (SERVO_TRY(query.step()) && query.integer(0) > 0) {
            note(fmt::format("{} rows of {} {}.", query.integer(0), table, what));
        }
        return {};
    }

    Status check_references() {
        for (const Reference& one : kReferences) {
            SERVO_CHECK(count_rows(
                one.table,
                fmt::format(
                    "x.{0}{2} NOT IN (SELECT {0} FROM {1})",
                    one.column,
                    one.of,
                    one.zero_is_nobody ? fmt::format(" <> 0 AND x.{}", one.column) : ""
                ),
                fmt::format("belong to {} that do not exist", one.of)
            ));
        }
        for (const char* table : {"jobs", "asset_revisions", "partition_state", "duration_stats"}) {
            SERVO_CHECK(count_rows(
                table,
                "EXISTS (SELECT 1 FROM assets a WHERE a.asset_id = x.asset_id AND"
                " a.tenant_id <> x.tenant_id)",
                "are of another tenant than their asset"
            ));
        }
        for (const char* table : kTablesOfJobs) {
            SERVO_CHECK(count_rows(
                table,
                "EXISTS (SELECT 1 FROM jobs j WHERE j.job_id = x.job_id AND"
                " j.tenant_id <> x.tenant_id)",
                "are of another tenant than their job"
            ));
        }
        SERVO_CHECK(count_rows(
            "jobs",
            "NOT EXISTS (SELECT 1 FROM asset_revisions r WHERE r.asset_id = x.asset_id AND"
            " r.revision = x.revision)",
            "are of a revision that does not exist"
        ));
        return count_rows(
            "assets",
            "NOT EXISTS (SELECT 1 FROM asset_revisions r WHERE r.asset_id = x.asset_id AND"
            " r.revision = x.latest_revision)",
            "have a latest revision that does not exist"
        );
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
        if (SERVO_TRY(being_dropped(db_, job.row))) {
            return {};
        }
        job.row.ordinals = SERVO_TRY(read_ordinals(db_, job.row.id, job.row.keys_fingerprint));
        if (job.row.total() != job.total) {
            note(fmt::format(
                "Job {} says it has {} partitions, its list has {}.",
                to_text(job.row.id),
                job.total,
                job.row.total()
            ));
        }
        JobCheck check(job.row, SERVO_TRY(read_exact(db_, job.row)));
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

    Result<std::set<AssetId>> marked_missing() {
        std::set<AssetId> out;
        Query query = SERVO_TRY(db_.query("SELECT asset_id FROM assets WHERE marked_missing = 1"));
        while (SERVO_TRY(query.step())) {
            out.insert(query.id<AssetId>(0));
        }
        return out;
    }

    Status check_states_of_assets() {
        StateCheck check(std::move(facts_), SERVO_TRY(marked_missing()));
        Query query = SERVO_TRY(
            db_.query("SELECT asset_id, block, runs FROM partition_state ORDER BY asset_id, block")
        );
        while (SERVO_TRY(query.step())) {
            const auto asset = query.id<AssetId>(0);
            const auto block = StateBlock::decode(query.bytes(2), query.integer(1));
            if (block) {
                check.add(asset, *block);
            } else {
                note(fmt::format(
                    "Asset {} block {}: {}", asset.value, query.integer(1), block.error().message
                ));
            }
        }
        note_all(check.findings());
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
