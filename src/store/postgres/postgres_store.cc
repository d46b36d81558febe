#include "store/postgres/postgres_store.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "store/postgres/migrations.h"
#include "store/postgres/replica.h"
#include "store/postgres/store_impl.h"
#include "store/sql/commit_fate.h"
#include "store/sql/fsck.h"
#include "store/sql/load.h"

namespace servo::store {
namespace postgres {
namespace {

// Microseconds since 1970 at which a backend of pg_stat_activity began.
#define SERVO_BACKEND_START "(extract(epoch FROM backend_start) * 1000000)::int8"

SessionLimits limits_of(std::chrono::milliseconds statement) {
    SessionLimits limits;
    limits.sees = TenantScope::all();
    limits.statement = statement;
    limits.idle_in_transaction = statement;
    return limits;
}

Error deposed(int64_t epoch) {
    return unavailable("deposed", fmt::format("Epoch {} was taken over by a later one.", epoch));
}

}  // namespace

PostgresStore::PostgresStore(
    std::unique_ptr<Connection> db,
    std::shared_ptr<sql::RevisionCache> revisions,
    const Retention& retention
)
    : db_(std::move(db)),
      revisions_(std::move(revisions)),
      adapter_(*db_, &epoch_),
      upkeep_(adapter_, retention) {}

// --- leadership --------------------------------------------------------------------------------

// A leader that hangs in the middle of a transaction would hold the row until a time limit ends it.
void PostgresStore::end_backend_of_predecessor(const Candidate& candidate) {
    const auto ended = adapter_.integer(
        "SELECT count(pg_terminate_backend(pid)) FROM leader JOIN pg_stat_activity"
        " ON pid = backend_pid AND " SERVO_BACKEND_START
        " = backend_start_us"
        " WHERE pid <> pg_backend_pid() AND (? < 0 OR epoch = ?)",
        candidate.after,
        candidate.after
    );
    if (!ended) {
        spdlog::warn("could not end the connection of the last leader: {}", ended.error().message);
    } else if (ended->value_or(0) > 0) {
        spdlog::info("ended the database connection of the last leader");
    }
}

Result<int64_t> PostgresStore::take_leadership(const Candidate& candidate) {
    writer_.forget();
    if (!db_->probe()) {
        SERVO_CHECK(db_->reopen());
        SERVO_CHECK(check_durable(*db_));
    }
    SERVO_CHECK(check_schema(*db_));  // that may have been migrated since
    end_backend_of_predecessor(candidate);
    // Waits for batches that are in flight: they hold the row FOR SHARE.
    sql::Query row = SERVO_TRY(adapter_.query(
        "UPDATE leader SET epoch = epoch + 1, holder = ?, url = ?, gone = 0, backend_pid = ?,"
        " backend_start_us = coalesce((SELECT " SERVO_BACKEND_START
        " FROM pg_stat_activity WHERE pid = pg_backend_pid()), 0)"
        " WHERE id = 1 AND (? < 0 OR epoch = ?) RETURNING epoch",
        std::string_view(candidate.holder),
        std::string_view(candidate.url),
        db_->backend(),
        candidate.after,
        candidate.after
    ));
    if (SERVO_TRY(row.step())) {
        epoch_ = row.integer(0);
        return epoch_;
    }
    if (SERVO_TRY(adapter_.integer("SELECT epoch FROM leader WHERE id = 1"))) {
        return fail(deposed(candidate.after));
    }
    return fail(internal("store_corrupt", "The database has lost its leader row."));
}

// Of sessions of other roles pg_stat_activity may hide when they began: such a leader is not taken
// for gone.
Result<LeaderRow> PostgresStore::leader() {
    if (!db_->probe()) {
        SERVO_CHECK(db_->reopen());
    }
    sql::Query row = SERVO_TRY(adapter_.query(
        "SELECT leader.epoch, holder, url, beat, (gone = 1 OR (backend_pid <> 0 AND NOT EXISTS"
        " (SELECT 1 FROM pg_stat_activity WHERE pid = backend_pid AND (backend_start IS NULL OR"
        " " SERVO_BACKEND_START
        " = backend_start_us))))::int FROM leader JOIN leader_beat USING (id) WHERE id = 1"
    ));
    if (!SERVO_TRY(row.step())) {
        return fail(internal("store_corrupt", "The database has lost its leader row."));
    }
    LeaderRow out;
    out.epoch = row.integer(0);
    out.holder = row.text(1);
    out.url = row.text(2);
    out.beat = row.integer(3);
    out.gone = row.integer(4) != 0;
    return out;
}

Status PostgresStore::beat(int64_t epoch) {
    sql::Query row = SERVO_TRY(adapter_.query(
        "UPDATE leader_beat SET beat = beat + 1, epoch = ? WHERE id = 1"
        " AND (SELECT epoch FROM leader WHERE id = 1) = ? RETURNING beat",
        epoch,
        epoch
    ));
    return SERVO_TRY(row.step()) ? Status{} : fail(deposed(epoch));
}

Status PostgresStore::resign(int64_t epoch) {
    sql::Query row = SERVO_TRY(adapter_.query(
        "UPDATE leader SET gone = 1 WHERE id = 1 AND epoch = ? RETURNING epoch", epoch
    ));
    return SERVO_TRY(row.step()) ? Status{} : fail(deposed(epoch));
}

// --- reading -----------------------------------------------------------------------------------

Result<Snapshot> PostgresStore::load(int64_t epoch) {
    if (!db_->probe()) {
        SERVO_CHECK(db_->reopen());
    }
    const ReadScope snapshot(*db_, limits_of(kLoadLimit));
    return sql::load_active(adapter_, *revisions_, epoch);
}

Result<std::optional<Snapshot::OpenJob>> PostgresStore::load_job(JobId id) {
    const ReadScope snapshot(*db_, limits_of(kLoadLimit));
    return sql::load_job(adapter_, *revisions_, id);
}

Result<bool> PostgresStore::committed(int64_t epoch, int64_t seq) {
    return sql::was_committed(adapter_, epoch, seq);
}

Result<std::vector<std::string>> PostgresStore::fsck() {
    return check_postgres(*db_);
}

Result<std::vector<std::string>> check_postgres(Connection& db) {
    const ReadScope snapshot(db, limits_of(kFsckLimit));
    Adapter adapter(db);
    return sql::check_database(adapter, {});
}

// --- writing -----------------------------------------------------------------------------------

Status PostgresStore::write_batch(const Batch& batch) {
    SERVO_CHECK(writer_.look_up(*db_, *batch.changes));
    Pipeline pipeline(*db_);
    SERVO_CHECK(writer_.add(pipeline, batch));
    SERVO_TRY(pipeline.run());
    return {};
}

CommitOutcome PostgresStore::commit(const Batch& batch) {
    const Status written = write_batch(batch);
    if (!written) {
        writer_.forget();
        // Written or not, the next leader finds out. Some are definitely not; the way out is the
        // same.
        return {sql::fate_of(written.error(), CommitFate::kUnknown), written.error().message};
    }
    upkeep_.committed(*batch.changes);
    return {};
}

Result<bool> PostgresStore::maintain(Instant now) {
    return upkeep_.step(now);
}

namespace {

Result<Definitions> read_definitions(PostgresSessions& sessions, sql::RevisionCache& revisions) {
    Definitions out;
    {
        // Before the snapshot, so that it is not older than it says.
        const auto session =
            SERVO_TRY(sessions.begin(TenantScope::all(), sql::Reads::kOneStatement));
        sql::Query row =
            SERVO_TRY(session->reader().query("SELECT (extract(epoch FROM now()) * 1000)::int8"));
        SERVO_TRY(row.step());
        out.as_of = row.instant(0);
    }
    const auto session = SERVO_TRY(sessions.begin(TenantScope::all(), sql::Reads::kOneSnapshot));
    out.snapshot = SERVO_TRY(sql::load_definitions(session->reader(), revisions));
    return out;
}

// Null: none is named.
Result<std::unique_ptr<Replica>> open_replica(const PostgresOptions& options, Connection& primary) {
    if (options.read_url.empty()) {
        return std::unique_ptr<Replica>();
    }
    const std::string installation = SERVO_TRY(installation_of(primary));
    if (installation.empty()) {
        return fail(internal("store_corrupt", "The database has lost its installation row."));
    }
    auto out = std::make_unique<Replica>(SERVO_TRY(read_target_of(options)), installation);
    SERVO_CHECK(out->check());
    return out;
}

}  // namespace
}  // namespace postgres

Result<OpenedStore> open_postgres(const PostgresOptions& options) {
    using namespace postgres;
    const Target target = SERVO_TRY(target_of(options, Access::kReadWrite));
    SessionLimits limits;
    limits.sees = TenantScope::all();
    limits.lock = options.lock_limit;
    // A plan that is made while a table is nearly empty is kept when it has grown.
    limits.by_key = true;
    std::unique_ptr<Connection> db = SERVO_TRY(Connection::open(target, limits));
    SERVO_CHECK(check_durable(*db));
    OpenedStore out;
    if (options.migrate) {
        const auto applied = SERVO_TRY(migrate(*db, true));
        out.created = !applied.steps.empty() && applied.steps.front().version == 1;
    }
    SERVO_CHECK(check_schema(*db));
    std::unique_ptr<Replica> replica = SERVO_TRY(open_replica(options, *db));
    auto revisions = std::make_shared<sql::RevisionCache>();
    out.store = std::make_unique<PostgresStore>(std::move(db), revisions, options.retention);
    auto sessions = std::make_shared<PostgresSessions>(target);
    out.archive = std::make_unique<PostgresArchive>(sessions, revisions, std::move(replica));
    out.definitions = [sessions, revisions] { return read_definitions(*sessions, *revisions); };
    return out;
}

}  // namespace servo::store
