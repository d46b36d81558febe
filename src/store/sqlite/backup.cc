#include "store/sqlite/backup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/private_folder.h"
#include "store/sqlite/database.h"
#include "store/sqlite/fsck.h"
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

// Reads all of the copy: its structure, its checksums, and a recount of what they say; costs what
// `servo fsck` costs. A schema of before the last steps cannot be recounted: only its structure.
Status check_copy(Connection& copy, const std::vector<sql::Migration>& known) {
    if (!sql::pending_steps(known, SERVO_TRY(schema_state(copy))).empty()) {
        return quick_check(copy);
    }
    const auto findings = SERVO_TRY(check_sqlite(copy));
    if (findings.empty()) {
        return {};
    }
    const std::string more =
        findings.size() == 1 ? "" : fmt::format(" ({} findings in all)", findings.size());
    return fail(internal("store_corrupt", findings.front() + more));
}

// A whole, checked, self-contained copy at `to`, which does not exist yet. Whatever the pages of
// `from` make it stumble over is "store_corrupt", with what was found as the message.
Status copy_database(Connection& from, const std::string& to, int epochs_skipped) {
    Connection copy = SERVO_TRY(Connection::open(to, OpenMode::kCreate));
    SERVO_CHECK(copy.exec("PRAGMA synchronous = OFF"));  // move_into_place syncs the whole
    SERVO_CHECK(copy_pages(from, copy));
    const auto check = [&]() -> Status {
        SERVO_CHECK(copy.pragma("journal_mode = DELETE"));
        const auto known = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
        SERVO_CHECK(check_schema(copy, known));
        SERVO_CHECK(copy.run("UPDATE meta SET clean = 1 WHERE id = 1"));
        SERVO_CHECK(copy.run("UPDATE leader SET epoch = epoch + ? WHERE id = 1", epochs_skipped));
        return check_copy(copy, known);
    };
    Status checked = check();
    const std::string reason = checked ? "" : checked.error().reason;
    if (reason == "store_error" || reason == "constraint" || reason == "corrupt_payload") {
        return fail(internal("store_corrupt", checked.error().message));
    }
    return checked;
}

// As copy_database, and nothing is left of a copy that is not whole.
Status make_copy(Connection& from, const std::string& to, int epochs_skipped) {
    remove_with_logs(to);
    Status copied = copy_database(from, to, epochs_skipped);
    if (!copied) {
        remove_with_logs(to);
    }
    return copied;
}

Error damaged_source(const std::string& path, const std::string& what) {
    return internal(
        "store_corrupt",
        fmt::format(
            "The database {} is damaged: {}. No backup was written, since none of it could be "
            "restored. `servo fsck` lists everything; restore an older backup.",
            path,
            what
        )
    );
}

Error damaged_backup(const std::string& file, const std::string& what) {
    return internal(
        "store_corrupt",
        fmt::format(
            "The backup {} is damaged: {}. Nothing was changed. Restore another one.", file, what
        )
    );
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
    if (const Status copied = make_copy(source, fresh, 0); !copied) {
        const Error& error = copied.error();
        return fail(
            error.reason == "store_corrupt" ? damaged_source(path, error.message)
                                            : explain(error, to)
        );
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
                "as {}.replaced.",
                path,
                path
            )
        ));
    }
    const std::string fresh = path + ".new";
    const auto copy = [&]() -> Status {
        SERVO_CHECK(check_file(from));
        Connection source = SERVO_TRY(Connection::open(from, OpenMode::kReadOnly));
        return make_copy(source, fresh, kEpochsSkippedByRestore);
    };
    if (const Status copied = copy(); !copied) {
        const Error& error = copied.error();
        return fail(
            error.reason == "store_corrupt" ? damaged_backup(from, error.message)
                                            : explain(error, path)
        );
    }
    SERVO_CHECK(move_aside(path));
    SERVO_CHECK(move_into_place(fresh, path));
    return lock.remember_database();
}

}  // namespace servo::store
