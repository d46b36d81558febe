// The store port: small, because the scheduler lives in memory. Load what is active, commit a
// change set under the leader's epoch, read history page by page.
//
// `Store` is used by one thread, the engine's. `Archive` and `History` are thread-safe.
// No call throws; third-party exceptions are caught inside.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/changes.h"

namespace servo::store {

using namespace model;

// Number, name and weight of the schema steps are the same in every store.
constexpr int kSchemaVersion = 2;

enum class CommitFate {
    kCommitted,
    kRefused,  // a constraint said no; nothing was written
    kUnknown,  // it may or may not be committed: ask `fate` under a new epoch
    kDeposed,  // another leader holds a later epoch; nothing was written
    kFull,     // no space; nothing was written
    kBroken,   // an I/O or fsync error: the process must exit
};

// How long ended things stay. Materialised states and definitions stay for ever.
struct Retention {
    Millis idempotency_keep = std::chrono::hours(24 * 7);
    Millis failures_keep = std::chrono::hours(24 * 90);  // failures and log tails of ended jobs
    // Ended jobs with their done log; events; tokens after their end.
    Millis history_keep = std::chrono::hours(24 * 400);
    int64_t batch_rows_keep = 100'000;                  // rows of the chain of batches
    Millis minutes_keep = std::chrono::hours(24 * 15);  // of the ledger of time
    Millis hours_keep = std::chrono::hours(24 * 400);
    Millis ledger_keep(LedgerSpan span) const {
        return span == LedgerSpan::kMinute ? minutes_keep : hours_keep;
    }
};

struct Batch {
    int64_t epoch = 0;
    int64_t seq = 0;  // previous committed seq + 1
    Instant now;
    const ChangeSet* changes = nullptr;
};

struct CommitOutcome {
    CommitFate fate = CommitFate::kCommitted;
    std::string message;  // for the log, when not committed
};

// A server that may lead: a name for the log and the address at which the others reach it.
struct Candidate {
    std::string holder;
    std::string url = {};
    // Not negative: only if the epoch is still this one, so that of several who see a leader gone
    // one takes over and the rest watch.
    int64_t after = -1;
};

// Who leads. Times of machines are never compared: a watcher sees `epoch` or `beat` change, or not
// change for the TTL of its own clock.
struct LeaderRow {
    int64_t epoch = 0;  // 0: nobody ever led
    std::string holder;
    std::string url;
    int64_t beat = 0;   // changes with each beat()
    bool gone = false;  // it gave up, or cannot be alive: nobody need wait
};

class Store {
 public:
    virtual ~Store() = default;

    // Raises the epoch by one in a transaction and returns it; whoever had the one before is
    // deposed. Error: unavailable / "deposed" when the epoch is not `candidate.after`.
    virtual Result<int64_t> take_leadership(const Candidate& candidate) = 0;
    virtual Result<LeaderRow> leader() = 0;
    // A sign of life. Kept apart from the epoch's row, so that it never waits for a batch. Error:
    // unavailable / "deposed".
    virtual Status beat(int64_t epoch) = 0;
    // Gives leadership up: `gone` until somebody takes it. Error: unavailable / "deposed".
    virtual Status resign(int64_t epoch) = 0;

    // Reads the active part under `epoch`: jobs that are not in a terminal state, with later done
    // and failure rows applied to their checkpoints (store/replay.h). Error: unavailable /
    // "deposed".
    virtual Result<Snapshot> load(int64_t epoch) = 0;

    // One job in any state, built by the same rules: a failed job leaves memory and comes back this
    // way when it is retried. nullopt: there is no such job, or its rows are being dropped.
    virtual Result<std::optional<Snapshot::OpenJob>> load_job(JobId id) = 0;

    // One transaction: checks the epoch under a lock, writes the batch row and all changes.
    virtual CommitOutcome commit(const Batch& batch) = 0;

    // Whether (epoch, seq) was committed. Call after take_leadership. Error: internal / "too_old"
    // for a batch whose row is no longer kept.
    virtual Result<bool> committed(int64_t epoch, int64_t seq) = 0;

    // Housekeeping outside any commit, bounded to about a millisecond per call: checkpoint of the
    // write-ahead log, merging of complete done blocks, retention. Returns whether more waits.
    virtual Result<bool> maintain(Instant now) = 0;

    // Recounts everything and returns each contradiction as a sentence; empty = sound.
    virtual Result<std::vector<std::string>> fsck() = 0;
};

// --- history -----------------------------------------------------------------------------------

constexpr int kPageMax = 500;
constexpr int kLedgerRowsMax = 25'000;  // 15 days of minutes

// Whose rows may be read: those of one tenant, or those of all tenants and of the installation.
class TenantScope {
 public:
    static TenantScope all() { return TenantScope(TenantId{}); }
    // 0, which is no tenant's id, stands for all as it does in a token's row.
    static TenantScope of(TenantId tenant) { return TenantScope(tenant); }

    bool is_all() const { return !tenant_; }
    bool sees(TenantId owner) const { return is_all() || owner == tenant_; }
    TenantId tenant() const { return tenant_; }  // 0 = all

 private:
    explicit TenantScope(TenantId tenant) : tenant_(tenant) {}
    TenantId tenant_;
};

struct JobFilter {
    TenantId tenant;  // 0 = all
    std::vector<JobState> states;
    AssetId asset;
    GroupId group;
    std::optional<Instant> created_since;
    // With no `states`: open jobs and those that ended at or after this instant.
    std::optional<Instant> ended_since;
    std::optional<std::pair<int64_t, int64_t>> id_range;  // inclusive, for prefixes
};

// Keyset page: newest first by (created_at, id). `row.ordinals` is null in pages when its packed
// form exceeds kPageOrdinalsBytesMax; job() always has it.
constexpr size_t kPageOrdinalsBytesMax = 64 * 1024;
struct JobPage {
    struct Item {
        JobRow row;
        JobCounters counters;  // as of the last checkpoint; exact for ended jobs
        uint64_t total = 0;    // partitions; row.total() is 0 where row.ordinals is null
    };
    std::vector<Item> items;
    std::string next_page_token;  // empty = no more
};

struct EventFilter {
    TenantId tenant = {};  // 0: of every tenant and of the installation; else of that tenant alone
    std::optional<Instant> since = {};
    std::string subject = {};  // empty: of any
};

// Keyset page, newest first.
struct EventPage {
    std::vector<EventRow> items;
    std::string next_page_token;  // empty = no more
};

struct StoredToken {
    TokenRow row;
    std::string tenant_name;  // empty: of the whole installation
};

struct PartitionRecord {
    Ordinal ordinal = 0;
    Outcome outcome = Outcome::kMissing;
    JobId job;
    int revision = 0;
    Instant at;
};

// What was, as far as one scope reaches: jobs, assets, events and all that belongs to them are
// absent where they are another tenant's. It may be read of a replica, and then lacks the newest:
// good for showing, never for deciding or letting in. What has to be of now is in History alone.
class Past {
 public:
    virtual ~Past() = default;

    virtual Result<JobPage> jobs(
        const JobFilter& filter, int limit, const std::string& page_token
    ) = 0;
    // Successful partitions of a job with index in `range`, ascending, at most `limit`.
    virtual Result<std::vector<DoneEntry>> done(JobId job, Run range, int limit) = 0;
    // Failed attempts, newest first; `final_only` leaves out those that were retried. Rows older
    // than `before_row` (0: from the newest); `*next_row` (may be null) is what to pass next, 0 =
    // no more.
    virtual Result<std::vector<FailureRow>> failures(
        JobId job,
        std::optional<Index> index,
        bool final_only,
        int limit,
        int64_t before_row,
        int64_t* next_row
    ) = 0;
    virtual Result<EventPage> events(
        const EventFilter& filter, int limit, const std::string& page_token
    ) = 0;
    // Rows of the ledger of time with `at` in [from, to), ascending by time, at most
    // kLedgerRowsMax. They are of the whole installation: none within a tenant's scope.
    virtual Result<std::vector<LedgerRow>> ledger(
        LedgerSpan span, LedgerScope scope, Instant from, Instant to
    ) = 0;
};

// What is stored now: every commit that was acknowledged is in it.
class History : public Past {
 public:
    virtual Result<std::optional<JobPage::Item>> job(JobId id) = 0;
    // Exact as of the last commit: later done and failure rows are applied.
    virtual Result<std::optional<JobCheckpoint>> checkpoint(JobId id) = 0;

    // Indices that stand as finally failed, by class of their last attempt.
    virtual Result<std::map<FailureClass, RunSet>> failed_by_class(JobId job) = 0;
    // Of the newest attempt, or of the newest one with that number.
    virtual Result<std::optional<LogRow>> log(
        JobId job, Index index, std::optional<int> attempt
    ) = 0;

    // Materialised state of an asset's partitions with ordinal in [first, last], as runs of equal
    // (outcome, job, revision, succeeded_before), ascending by first ordinal; `at` is the latest of
    // the run.
    // Partitions never touched, or marked missing, are absent. No ordinal is in two runs, but
    // strided runs may interleave, so make one OrdinalView per run, not one of all. Error:
    // resource_exhausted / "too_many_runs" when there are more than `runs_max`.
    struct StateRun {
        OrdinalRun ordinals;
        Outcome outcome = Outcome::kMissing;
        JobId job;
        int revision = 0;
        Instant at;
        bool succeeded_before = false;  // before this outcome, which is another
    };
    virtual Result<std::vector<StateRun>> partition_states(
        AssetId asset, Ordinal first, Ordinal last, int runs_max
    ) = 0;

    virtual Result<std::shared_ptr<const AssetRevision>> revision(AssetId asset, int revision) = 0;
    virtual Result<std::vector<std::shared_ptr<const AssetRevision>>> revisions(AssetId asset) = 0;
    virtual Result<std::optional<IdempotencyRow>> idempotent_reply(
        TenantId tenant, const std::string& route, const std::string& key
    ) = 0;
    // Every token, ended ones included, oldest first. Also where nobody leads: every node lets in
    // by what is committed.
    virtual Result<std::vector<StoredToken>> tokens() = 0;
};

// As far as it goes: everything committed until `as_of`, by the database's clock, is in it, or
// (nullopt) everything until now.
struct DatedPast {
    std::unique_ptr<Past> past;
    std::optional<Instant> as_of;
};

// Where history comes from. There is no reading without saying for whom. What it gives out must not
// outlive it.
class Archive {
 public:
    virtual ~Archive() = default;
    virtual std::unique_ptr<History> within(TenantScope scope) = 0;
    // Of the replica where there is one that answers.
    virtual DatedPast past(TenantScope scope) { return {within(scope), std::nullopt}; }
};

}  // namespace servo::store
