#include "store/sqlite/log_keeper.h"

#include <spdlog/spdlog.h>

#include "store/sqlite/database.h"

namespace servo::store::sqlite {
namespace {

constexpr int kCheckpointPages = static_cast<int>(kCheckpointAtBytes / kPageSize);
constexpr int kAlarmPages = static_cast<int>(kLogAlarmBytes / kPageSize);

}  // namespace

LogKeeper::LogKeeper(Connection& db) : db_(db), checkpoint_at_pages_(kCheckpointPages) {
    const auto committed = [](void* self, sqlite3*, const char*, int pages) {
        static_cast<LogKeeper*>(self)->log_grew(pages);
        return SQLITE_OK;
    };
    sqlite3_wal_hook(db_.handle(), committed, this);
}

LogKeeper::~LogKeeper() {
    sqlite3_wal_hook(db_.handle(), nullptr, nullptr);
}

void LogKeeper::log_grew(int pages) {
    if (pages < pages_in_log_) {  // it began anew
        checkpoint_at_pages_ = kCheckpointPages;
        alarmed_ = false;
    }
    pages_in_log_ = pages;
    if (pages >= kAlarmPages && !alarmed_) {
        alarmed_ = true;
        spdlog::warn(
            "the write-ahead log has grown to {} MiB: a reader has held an old snapshot for long; "
            "end "
            "long `servo sql` sessions",
            kLogAlarmBytes >> 20
        );
    }
}

Result<bool> LogKeeper::step() {
    if (pages_in_log_ < checkpoint_at_pages_) {
        return false;
    }
    // The log begins anew with the next commit once all of it is moved and no reader needs it;
    // until then the next attempt waits for as much again.
    checkpoint_at_pages_ = pages_in_log_ + kCheckpointPages;
    const int rc = sqlite3_wal_checkpoint_v2(
        db_.handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr
    );
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY) {
        return fail(sql_error(db_.handle(), rc, "moving the write-ahead log into the database"));
    }
    return true;
}

}  // namespace servo::store::sqlite
