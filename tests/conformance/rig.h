// One store under test, whichever it is, and builders of small rows. A rig lives in a folder of its
// own that goes away with it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "store/memory/memory_store.h"
#include "store/sqlite/sqlite_store.h"
#include "store/store.h"

namespace servo::store::test {

// kPooledPostgres: as behind a pooler in transaction mode.
enum class Kind { kMemory, kSqlite, kPostgres, kPooledPostgres };
inline auto all_stores() {
    return testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kPostgres, Kind::kPooledPostgres);
}
std::string kind_name(const testing::TestParamInfo<Kind>& info);

// The value of a result that must be one.
template <typename T>
T take(Result<T> result) {
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return std::move(result).value();
}

// A folder under the system's temporary one, removed at the end.
class TemporaryFolder {
 public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
    std::string path_;
};

class Rig {
 public:
    explicit Rig(Kind kind, const Retention& retention = {});
    ~Rig();
    Rig(const Rig&) = delete;

    Store& store();
    History& history() { return *history_; }  // of all tenants
    std::unique_ptr<History> within(int64_t tenant_id);
    // The process ends in order and begins anew on the same data.
    void restart();

    // Takes leadership when there is none yet, and commits the next batch.
    CommitOutcome try_commit(const ChangeSet& changes);
    void commit(const ChangeSet& changes);  // must succeed
    Snapshot load();                        // under a fresh epoch
    void maintain_all(Instant now);         // until nothing waits

    int64_t epoch = 0;
    int64_t seq = 0;
    Instant now = instant_ms(1'700'000'000'000);
    MemoryStore* memory() { return memory_.get(); }
    std::string database_path() const { return folder_.path("servo.db"); }
    const std::string& database_url() const { return database_url_; }  // of PostgreSQL

 private:
    void open();
    Archive& archive();
    Result<OpenedStore> open_file();
    Result<OpenedStore> open_database();

    Kind kind_;
    Retention retention_;
    TemporaryFolder folder_;
    std::unique_ptr<MemoryStore> memory_;
    std::string database_url_;
    OpenedStore opened_;
    std::unique_ptr<History> history_;
};

class Conformance : public testing::TestWithParam<Kind> {
 protected:
    Rig rig{GetParam()};
};

// --- rows --------------------------------------------------------------------------------------

constexpr int64_t kDay = 86'400'000;

TenantRow tenant(int64_t id, const std::string& name);
PoolRow pool(int64_t id, int64_t tenant_id, const std::string& name);
AssetHead asset(int64_t id, int64_t tenant_id, const std::string& name, int revision = 1);
std::shared_ptr<const AssetRevision> revision(
    int64_t asset_id, int64_t tenant_id, const std::string& name, int number = 1
);
// A job of asset 10 · tenant over [0, total) days.
JobRow job(int64_t id, int64_t tenant_id, uint64_t total, JobState state = JobState::kRunning);
JobCheckpoint fresh(const JobRow& row, int64_t covers_seq);
DoneEntry done(Index index, int64_t started_ms = 1'700'000'000'000, int64_t duration_us = 250'000);
std::vector<DoneEntry> done_run(Index first, Index end);
FailureRow failure(int64_t job_id, Index index, bool final, int attempt = 1);
GrantRow grant(int64_t lease, int64_t number, int64_t job_id, RunSet indices);

// Tenant 1 with asset 10 "orders", tenant 2 with asset 20 "orders".
ChangeSet definitions();
// A new job with its first checkpoint, to be committed as `seq`.
ChangeSet new_job(const JobRow& row, int64_t seq);
void add_done(ChangeSet& changes, int64_t job_id, std::vector<DoneEntry> entries);

}  // namespace servo::store::test
