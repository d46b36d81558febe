#include "store/sqlite/backup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/private_folder.h"
#include "store/sqlite/database.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/sql_functions.h"

namespace servo::store {
namespace sqlite {
namespace {

namespace fs = std::filesystem;

// A restored database may be older than tokens that executors hold: leaders after it begin this
// many epochs later, so that fencing tokens go on ascending.
constexpr int kEpochsSkippedByRestore = 1'000;

Error exists_already(const std::string& reason, const std::string& message) {
    Error error = conflict(reason, message);
    error.code = ErrorCode::kAlreadyExists;
    return error;
}

Error file_error(const std::string& path) {
    return failed_precondition(
        "store_unwritable", fmt::format("Cannot write {}: {}.", path, std::strerror(errno))
    );
}

std::string folder_of(const std::string& path) {
    return fs::absolute(fs::path(path)).parent_path().string();
}

void remove_with_logs(const std::string& path) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
        ::unlink((path + suffix).c_str());
    }
}

// All pages of `from` in one step, which is one snapshot.
Status copy_pages(Connection& from, Connection& to) {
    sqlite3_backup* copy = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
    if (copy == nullptr) {
        return fail(sql_error(to.handle(), sqlite3_errcode(to.handle()), "copying the database"));
    }
    const int stepped = sqlite3_backup_step(copy, -1);
    const int rc = sqlite3_backup_finish(copy);
    if (stepped != SQLITE_DONE || rc != SQLITE_OK) {
        return fail(sql_error(to.handle(), rc != SQLITE_OK ? rc : stepped, "copying the database"));
    }
    return {};
}

// A whole, checked, self-contained copy at `to`, which does not exist yet.
Status copy_database(Connection& from, const std::string& to, int epochs_skipped) {
    Connection copy = SERVO_TRY(Connection::open(to, OpenMode::kCreate));
    SERVO_CHECK(copy.exec("PRAGMA synchronous = OFF"));  // move_into_place syncs the whole
    SERVO_CHECK(copy_pages(from, copy));
    SERVO_CHECK(copy.pragma("journal_mode = DELETE"));
    SERVO_CHECK(copy.run("UPDATE meta SET clean = 1 WHERE id = 1"));
    SERVO_CHECK(copy.run("UPDATE leader SET epoch = epoch + ? WHERE id = 1", epochs_skipped));
    return quick_check(copy, to);
}

Status move_aside(const std::string& path) {
    const std::string kept = path + ".replaced";
    remove_with_logs(kept);
    for (const char* suffix : {"-wal", "-shm", ""}) {
        const std::string name = path + suffix;
        if (::rename(name.c_str(), (kept + suffix).c_str()) != 0 && errno != ENOENT) {
            return fail(file_error(name));
        }
    }
    return {};
}

}  // namespace
}  // namespace sqlite

Status backup_sqlite(const std::string& path, const std::string& to) {
    using namespace sqlite;
    if (fs::exists(to)) {
        return fail(exists_already(
            "file_exists", fmt::format("{} exists already. Name a file that does not exist.", to)
        ));
    }
    Connection source = SERVO_TRY(open_for_reading(path));
    const std::string fresh = to + ".partial";
    remove_with_logs(fresh);
    const Status copied = copy_database(source, fresh, 0);
    if (!copied) {
        remove_with_logs(fresh);
        return fail(explain(copied.error(), to));
    }
    return move_into_place(fresh, to);
}

Status restore_sqlite(const std::string& from, const std::string& path, Existing existing) {
    using namespace sqlite;
    (void)make_private_folder(folder_of(path));  // acquire() reports what is wrong
    LockFile lock = SERVO_TRY(LockFile::acquire(path + ".lock"));
    if (fs::exists(path) && existing == Existing::kRefuse) {
        return fail(exists_already(
            "store_exists",
            fmt::format(
                "There is a database at {} already. Repeat with --replace to replace it; it is "
                "kept "
                "as "
                "{}.replaced.",
                path,
                path
            )
        ));
    }
    SERVO_CHECK(check_file(from));
    Connection source = SERVO_TRY(open_for_reading(from));
    SERVO_CHECK(quick_check(source, from));
    const std::string fresh = path + ".new";
    remove_with_logs(fresh);
    const Status copied = copy_database(source, fresh, kEpochsSkippedByRestore);
    if (!copied) {
        remove_with_logs(fresh);
        return fail(explain(copied.error(), path));
    }
    SERVO_CHECK(move_aside(path));
    SERVO_CHECK(move_into_place(fresh, path));
    return lock.remember_database();
}

}  // namespace servo::store
