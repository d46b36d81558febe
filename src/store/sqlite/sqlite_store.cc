#include "store/sqlite/sqlite_store.h"

#include <fmt/format.h>

#include "store/sql/commit_fate.h"
#include "store/sql/load.h"
#include "store/sqlite/fsck.h"
#include "store/sqlite/store_impl.h"

namespace servo::store {
namespace sqlite {

SqliteStore::SqliteStore(
    std::shared_ptr<Database> database,
    std::shared_ptr<sql::RevisionCache> revisions,
    const Retention& retention
)
    : database_(std::move(database)),
      revisions_(std::move(revisions)),
      adapter_(database_->writer()),
      writer_(database_->writer()),
      log_keeper_(database_->writer()),
      upkeep_(adapter_, retention) {}

Result<int64_t> SqliteStore::epoch() {
    const auto epoch = SERVO_TRY(db().integer("SELECT epoch FROM leader WHERE id = 1"));
    if (!epoch) {
        return fail(internal("store_corrupt", "The database has lost its leader row."));
    }
    return *epoch;
}

Status SqliteStore::expect_leader(int64_t expected) {
    const int64_t found = SERVO_TRY(epoch());
    if (found != expected) {
        return fail(unavailable(
            "deposed", fmt::format("Epoch {} was taken over by epoch {}.", expected, found)
        ));
    }
    return {};
}

Result<int64_t> SqliteStore::take_leadership(const Candidate& candidate) {
    Transaction transaction = SERVO_TRY(Transaction::begin_write(db()));
    if (candidate.after >= 0) {
        SERVO_CHECK(expect_leader(candidate.after));
    }
    SERVO_CHECK(db().run(
        "UPDATE leader SET epoch = epoch + 1, holder = ?, url = ?, gone = 0 WHERE id = 1",
        std::string_view(candidate.holder),
        std::string_view(candidate.url)
    ));
    const int64_t taken = SERVO_TRY(epoch());
    SERVO_CHECK(transaction.commit());
    taken_ = true;
    return taken;
}

Result<LeaderRow> SqliteStore::leader() {
    Query row = SERVO_TRY(db().query("SELECT epoch, holder, url, gone FROM leader WHERE id = 1"));
    if (!SERVO_TRY(row.step())) {
        return fail(internal("store_corrupt", "The database has lost its leader row."));
    }
    LeaderRow out;
    out.epoch = row.integer(0);
    out.holder = row.text(1);
    out.url = row.text(2);
    out.beat = beat_;
    // The lock file says that whoever led before this process is no more.
    out.gone = row.integer(3) != 0 || !taken_;
    return out;
}

Status SqliteStore::beat(int64_t epoch) {
    SERVO_CHECK(expect_leader(epoch));
    ++beat_;
    return {};
}

Status SqliteStore::resign(int64_t epoch) {
    Transaction transaction = SERVO_TRY(Transaction::begin_write(db()));
    SERVO_CHECK(expect_leader(epoch));
    SERVO_CHECK(db().run("UPDATE leader SET gone = 1 WHERE id = 1"));
    return transaction.commit();
}

Status SqliteStore::write_batch(const Batch& batch) {
    Transaction transaction = SERVO_TRY(Transaction::begin_write(db()));
    SERVO_CHECK(expect_leader(batch.epoch));
    const int64_t last = SERVO_TRY(db().integer("SELECT max(seq) FROM batches")).value_or(0);
    if (batch.seq != last + 1) {
        return fail(
            conflict("constraint", fmt::format("batch {} does not follow {}", batch.seq, last))
        );
    }
    SERVO_CHECK(db().run(
        "INSERT INTO batches (seq, epoch, now_ms) VALUES (?, ?, ?)",
        batch.seq,
        batch.epoch,
        batch.now
    ));
    SERVO_CHECK(writer_.write(batch));
    return transaction.commit();
}

CommitOutcome SqliteStore::commit(const Batch& batch) {
    const Status written = write_batch(batch);
    if (written) {
        upkeep_.committed(*batch.changes);
        return {};
    }
    writer_.forget();
    const CommitFate fate = sql::fate_of(written.error(), CommitFate::kBroken);
    if (fate == CommitFate::kBroken) {
        database_->forbid_clean_mark();
    }
    return {fate, written.error().message};
}

Result<Snapshot> SqliteStore::load(int64_t epoch) {
    Transaction snapshot = SERVO_TRY(Transaction::begin_read(db()));
    return sql::load_active(adapter_, *revisions_, epoch);
}

Result<std::optional<Snapshot::OpenJob>> SqliteStore::load_job(JobId id) {
    Transaction snapshot = SERVO_TRY(Transaction::begin_read(db()));
    return sql::load_job(adapter_, *revisions_, id);
}

Result<bool> SqliteStore::committed(int64_t epoch, int64_t seq) {
    return sql::was_committed(adapter_, epoch, seq);
}

Result<bool> SqliteStore::maintain(Instant now) {
    return SERVO_TRY(log_keeper_.step()) || SERVO_TRY(upkeep_.step(now));
}

Result<std::vector<std::string>> SqliteStore::fsck() {
    return check_sqlite(db());
}

}  // namespace sqlite

Result<OpenedStore> open_sqlite(const std::string& path, const SqliteOptions& options) {
    auto database = SERVO_TRY(sqlite::Database::open(path, options));
    auto revisions = std::make_shared<sql::RevisionCache>();
    OpenedStore out;
    out.created = database->created();
    out.store = std::make_unique<sqlite::SqliteStore>(database, revisions, options.retention);
    out.archive = std::make_unique<sql::SqlArchive>(
        std::make_unique<sqlite::SqliteSessions>(std::move(database)), std::move(revisions)
    );
    return out;
}

}  // namespace servo::store
