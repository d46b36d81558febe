// History over SQL: the statements and rules that every SQL store shares. Thread-safe when its
// sessions are.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "store/sql/job_reader.h"
#include "store/sql/reader.h"
#include "store/sql/revision_cache.h"
#include "store/store.h"

namespace servo::store::sql {

// A connection for one call, given back when it goes out of scope.
class ReadSession {
 public:
    virtual ~ReadSession() = default;
    virtual Reader& reader() = 0;
};

// Whether the statements of a session must see one snapshot.
enum class Reads { kOneStatement, kOneSnapshot };

class ReadSessions {
 public:
    virtual ~ReadSessions() = default;
    // Waits for a free connection. A database that can keeps the rows of others from the session,
    // whatever its statements ask for. Thread-safe.
    virtual Result<std::unique_ptr<ReadSession>> begin(TenantScope scope, Reads reads) = 0;
};

class SqlArchive final : public Archive {
 public:
    SqlArchive(std::shared_ptr<ReadSessions> sessions, std::shared_ptr<RevisionCache> revisions)
        : sessions_(std::move(sessions)), revisions_(std::move(revisions)) {}
    std::unique_ptr<History> within(TenantScope scope) override;

 private:
    std::shared_ptr<ReadSessions> sessions_;
    std::shared_ptr<RevisionCache> revisions_;
};

class SqlHistory final : public History {
 public:
    // Both outlive it.
    SqlHistory(ReadSessions& sessions, RevisionCache& revisions, TenantScope scope)
        : sessions_(sessions), revisions_(revisions), scope_(scope) {}

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
    Result<EventPage> events(const EventFilter& filter, int limit, const std::string& page_token)
        override;
    Result<std::optional<IdempotencyRow>> idempotent_reply(
        TenantId tenant, const std::string& route, const std::string& key
    ) override;
    Result<std::vector<LedgerRow>> ledger(
        LedgerSpan span, LedgerScope scope, Instant from, Instant to
    ) override;
    Result<std::vector<StoredToken>> tokens() override;

 private:
    // The job's columns, if it exists within the scope.
    Result<std::optional<JobColumns>> visible_job(Reader& db, JobId id) const;
    // Whether the job or the asset, which may not exist, is within the scope.
    Result<bool> sees(Reader& db, JobId job) const;
    Result<bool> sees(Reader& db, AssetId asset) const;

    ReadSessions& sessions_;
    RevisionCache& revisions_;
    TenantScope scope_;
};

}  // namespace servo::store::sql
