// The two halves of the SQLite store. Private to store/sqlite.
#pragma once

#include <memory>

#include "store/sqlite/change_writer.h"
#include "store/sqlite/database.h"
#include "store/sqlite/maintenance.h"
#include "store/sqlite/revision_cache.h"

namespace servo::store::sqlite {

struct Shared {
    std::shared_ptr<Database> database;
    RevisionCache revisions;
};

class SqliteStore final : public Store {
 public:
    SqliteStore(std::shared_ptr<Shared> shared, const Retention& retention);

    Result<int64_t> take_leadership(const Candidate& candidate) override;
    Result<LeaderRow> leader() override;
    Status beat(int64_t epoch) override;
    Status resign(int64_t epoch) override;
    Result<Snapshot> load(int64_t epoch) override;
    Result<std::optional<Snapshot::OpenJob>> load_job(JobId id) override;
    CommitOutcome commit(const Batch& batch) override;
    Result<bool> committed(int64_t epoch, int64_t seq) override;
    Result<bool> maintain(Instant now) override;
    Result<std::vector<std::string>> fsck() override;

 private:
    Connection& db() { return shared_->database->writer(); }
    Result<int64_t> epoch();
    Status expect_leader(int64_t epoch);  // error: unavailable / "deposed"
    Status write_batch(const Batch& batch, CommitFate& fate);
    Status load_definitions(Snapshot& out);
    Status load_revisions(Snapshot& out);
    Status load_jobs(Snapshot& out);
    Result<Snapshot::OpenJob> open_job(JobRow row);

    std::shared_ptr<Shared> shared_;
    ChangeWriter writer_;
    Maintenance maintenance_;
    bool taken_ = false;  // leadership, by this process
    // In memory: no other process can have the database open to watch it, and an idle server must
    // not keep the disk awake.
    int64_t beat_ = 0;
};

class SqliteHistory final : public History {
 public:
    explicit SqliteHistory(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

    Result<JobPage> jobs(const JobFilter& filter, int limit, const std::string& page_token)
        override;
    Result<std::optional<JobPage::Item>> job(JobId id) override;
    Result<std::optional<JobCheckpoint>> checkpoint(JobId id) override;
    Result<std::vector<DoneEntry>> done(JobId job, Run range, int limit) override;
    Result<std::vector<FailureRow>> failures(
        JobId job,
        std::optional<Index> index,
        bool final_only,
        int limit,
        int64_t before_row,
        int64_t* next_row
    ) override;
    Result<std::map<FailureClass, RunSet>> failed_by_class(JobId job) override;
    Result<std::optional<LogRow>> log(JobId job, Index index, std::optional<int> attempt) override;
    Result<std::vector<StateRun>> partition_states(
        AssetId asset, Ordinal first, Ordinal last, int runs_max
    ) override;
    Result<std::shared_ptr<const AssetRevision>> revision(AssetId asset, int revision) override;
    Result<std::vector<std::shared_ptr<const AssetRevision>>> revisions(AssetId asset) override;
    Result<std::vector<EventRow>> events(
        TenantId tenant, std::optional<Instant> since, const std::string& subject, int limit
    ) override;
    Result<std::optional<IdempotencyRow>> idempotent_reply(
        TenantId tenant, const std::string& route, const std::string& key
    ) override;

 private:
    ReaderPool& readers() { return shared_->database->readers(); }

    std::shared_ptr<Shared> shared_;
};

}  // namespace servo::store::sqlite
