// The writing half of the PostgreSQL store and the sessions of its history. Private to
// store/postgres.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/postgres/adapter.h"
#include "store/postgres/change_writer.h"
#include "store/sql/history.h"
#include "store/sql/revision_cache.h"
#include "store/sql/upkeep.h"

namespace servo::store::postgres {

constexpr size_t kReadersMax = 4;
constexpr std::chrono::milliseconds kReadLimit{5'000};
constexpr std::chrono::milliseconds kReaderWait{5'000};  // for a free connection
constexpr std::chrono::milliseconds kLoadLimit{120'000};
constexpr std::chrono::milliseconds kFsckLimit{600'000};

class PostgresStore final : public Store {
 public:
    PostgresStore(
        std::unique_ptr<Connection> db,
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
    void end_backend_of_predecessor(const Candidate& candidate);
    Status write_batch(const Batch& batch);

    std::unique_ptr<Connection> db_;
    std::shared_ptr<sql::RevisionCache> revisions_;
    int64_t epoch_ = 0;  // last taken by this process
    Adapter adapter_;
    ChangeWriter writer_;
    sql::Upkeep upkeep_;
};

// Recounts the database of `db` within one snapshot.
Result<std::vector<std::string>> check_postgres(Connection& db);

// At most kReadersMax read-only connections, opened as needed. Thread-safe.
class PostgresSessions final : public sql::ReadSessions {
 public:
    // `installation` given: a database that is not of it is refused (check_installation).
    explicit PostgresSessions(Target target, std::string installation = {})
        : target_(std::move(target)), installation_(std::move(installation)) {}
    Result<std::unique_ptr<sql::ReadSession>> begin(TenantScope scope, sql::Reads reads) override;

 private:
    friend class PostgresSession;
    Result<std::unique_ptr<Connection>> acquire();
    Result<std::unique_ptr<Connection>> open() const;
    void give_back(std::unique_ptr<Connection> db);

    Target target_;
    std::string installation_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
    size_t open_ = 0;                                // guarded by mutex_
};

}  // namespace servo::store::postgres
