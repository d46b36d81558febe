// The writing half of the SQLite store; the reading one is store/sql/history.h. Private to
// store/sqlite.
#pragma once

#include <memory>

#include "store/sql/revision_cache.h"
#include "store/sql/upkeep.h"
#include "store/sqlite/adapter.h"
#include "store/sqlite/change_writer.h"
#include "store/sqlite/database.h"
#include "store/sqlite/log_keeper.h"

namespace servo::store::sqlite {

class SqliteStore final : public Store {
 public:
    SqliteStore(
        std::shared_ptr<Database> database,
        std::shared_ptr<sql::RevisionCache> revisions,
        const Retention& retention
    );

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
    Connection& db() { return database_->writer(); }
    Result<int64_t> epoch();
    Status expect_leader(int64_t epoch);  // error: unavailable / "deposed"
    Status write_batch(const Batch& batch);

    std::shared_ptr<Database> database_;
    std::shared_ptr<sql::RevisionCache> revisions_;
    Adapter adapter_;
    ChangeWriter writer_;
    LogKeeper log_keeper_;
    sql::Upkeep upkeep_;
    bool taken_ = false;  // leadership, by this process
    // In memory: no other process can have the database open to watch it, and an idle server must
    // not keep the disk awake.
    int64_t beat_ = 0;
};

}  // namespace servo::store::sqlite
