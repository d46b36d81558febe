#include "store/sqlite/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/private_folder.h"
#include "base/text.h"
#include "store/sqlite/log_check.h"
#include "store/sqlite/migrations.h"

namespace servo::store::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHeaderBytes = 100;
constexpr std::string_view kMagic("SQLite format 3\0", 16);
// Checked at each start, whatever the last end was, while that takes about a tenth of a second.
constexpr int64_t kAlwaysCheckedBytes = 32 << 20;
// Of the connection that writes. What was appended is not read again, so more would only fill up
// with it: 32 MiB made no more commits a second.
constexpr int kWriterCacheKib = 4'096;
constexpr std::array<long, 3> kNetworkFileSystems = {0x6969, 0xfe534d42, 0xff534d42};  // NFS, SMB

std::string wal_of(const std::string& path) {
    return path + "-wal";
}

bool exists(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0;
}

int64_t size_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

uint32_t big_endian(std::string_view bytes, size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
        value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

// For --data-dir, as it can be typed.
std::string quoted_folder_of(const std::string& path) {
    const std::string folder = fs::path(path).parent_path().string();
    return folder.empty() ? "." : shell_quote(folder);
}

Error damaged(const std::string& path, const std::string& what) {
    return internal(
        "store_corrupt",
        fmt::format(
            "The database {} is damaged: {}. Nothing was changed. Restore a backup with `servo "
            "restore FILE --data-dir {}`.",
            path,
            what,
            quoted_folder_of(path)
        )
    );
}

Error unwritable(const std::string& path, const std::string& what) {
    return failed_precondition(
        "store_unwritable",
        fmt::format(
            "Cannot write {}: {}. Make it writable for this user, or name another folder with "
            "--data-dir DIR.",
            path,
            what
        )
    );
}

Status check_directory(const std::string& path) {
    const fs::path folder = fs::absolute(fs::path(path)).parent_path();
    if (const std::error_code error = make_private_folder(folder.string())) {
        return fail(unwritable(folder.string(), error.message()));
    }
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        return fail(unwritable(folder.string(), std::strerror(errno)));
    }
    struct statfs info {};
    if (::statfs(folder.c_str(), &info) == 0) {
        for (const long type : kNetworkFileSystems) {
            if (static_cast<uint32_t>(info.f_type) == static_cast<uint32_t>(type)) {
                return fail(failed_precondition(
                    "network_file_system",
                    fmt::format(
                        "{} lies on a network file system, where SQLite's locks cannot be trusted. "
                        "Name a folder on a local disk with --data-dir DIR.",
                        folder.string()
                    )
                ));
            }
        }
    }
    return {};
}

Status fill(const std::string& path, const std::vector<sql::Migration>& steps) {
    Connection db = SERVO_TRY(Connection::open(path, OpenMode::kCreate, kPageSize));
    // Nobody knows the file yet: it is made durable as a whole before it gets its name.
    SERVO_CHECK(db.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"));
    SERVO_CHECK(db.exec(fmt::format("PRAGMA application_id = {}", kApplicationId)));
    SERVO_CHECK(migrate(db, steps));
    return db.exec(
        "INSERT INTO meta (id, clean, created_at_ms)"
        " VALUES (1, 1, CAST(strftime('%s', 'now') AS INTEGER) * 1000)"
    );
}

// Built aside and renamed when whole, so that a half-made database is never taken for a real one.
Status create(const std::string& path, const std::vector<sql::Migration>& steps) {
    const std::string fresh = path + ".new";
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
        ::unlink((fresh + suffix).c_str());
    }
    if (Status filled = fill(fresh, steps); !filled) {
        ::unlink(fresh.c_str());
        return fail(explain(filled.error(), path));
    }
    return move_into_place(fresh, path);
}

Error missing(const std::string& path, const std::string& what) {
    return failed_precondition(
        "store_missing",
        fmt::format(
            "{}. Put it back, or restore a backup with `servo restore FILE --data-dir {}`. To "
            "start "
            "afresh and lose what was there, delete {}.lock and {}.",
            what,
            quoted_folder_of(path),
            path,
            wal_of(path)
        )
    );
}

Status prepare_file(const std::string& path, const LockFile& lock, bool& created) {
    created = false;
    if (!exists(path)) {
        if (exists(wal_of(path)) || lock.had_database()) {
            return fail(missing(path, fmt::format("The database {} is gone", path)));
        }
        const std::vector<sql::Migration> steps =
            SERVO_TRY(sql::parse_migrations(embedded_migrations()));
        SERVO_CHECK(create(path, steps));
        created = true;
        return {};
    }
    SERVO_CHECK(check_file(path));
    if (::access(path.c_str(), W_OK) != 0) {
        return fail(unwritable(path, std::strerror(errno)));
    }
    return check_log(wal_of(path));
}

// Settings that durability rests on are read back, not assumed.
Status configure(Connection& db, const SqliteOptions& options) {
    SERVO_CHECK(
        db.exec(fmt::format("PRAGMA synchronous = FULL; PRAGMA cache_size = -{};", kWriterCacheKib))
    );
    if (SERVO_TRY(db.pragma("journal_mode = WAL")) != "wal" ||
        SERVO_TRY(db.pragma("synchronous")) != "2") {
        return fail(internal(
            "store_error",
            "SQLite did not take up write-ahead logging with synchronous FULL on this file system."
        ));
    }
    if (options.size_max_bytes > 0) {
        SERVO_CHECK(db.pragma(fmt::format("max_page_count = {}", options.size_max_bytes / kPageSize)
        ));
    }
    return {};
}

// The log of an unclean end holds commits that were acknowledged: without it they are lost.
Status check_end(Connection& db, const std::string& path, bool wal_there) {
    const auto clean = SERVO_TRY(db.integer("SELECT clean FROM meta WHERE id = 1"));
    if (clean.value_or(0) != 1 && !wal_there) {
        return fail(missing(
            path,
            fmt::format(
                "The write-ahead log {} is gone, and with it the last commits of a process that "
                "did "
                "not end cleanly",
                wal_of(path)
            )
        ));
    }
    if (clean.value_or(0) != 1 || size_of(path) <= kAlwaysCheckedBytes) {
        SERVO_CHECK(quick_check(db));
    }
    return {};
}

Status bring_up(Connection& db, const std::string& path, const SqliteOptions& options, bool wal) {
    SERVO_CHECK(configure(db, options));
    const std::vector<sql::Migration> steps =
        SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    SERVO_CHECK(check_end(db, path, wal));
    SERVO_CHECK(check_schema(db, steps));
    const sql::SchemaState state = SERVO_TRY(schema_state(db));
    if (state.version > static_cast<int>(steps.size())) {
        spdlog::warn(
            "the database has schema {}, this servo knows {}; it says that is fine",
            state.version,
            steps.size()
        );
    }
    SERVO_CHECK(migrate(db, steps));
    SERVO_CHECK(db.run("UPDATE meta SET clean = 0 WHERE id = 1"));
    // Into the file itself, so that it shows without its log that the end was unclean. Passive: the
    // log keeps its frames, so an empty one later is a sign of loss.
    SERVO_CHECK(db.exec("PRAGMA wal_checkpoint(PASSIVE)"));
    return {};
}

Status sync_path(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(unwritable(path, std::strerror(errno)));
    }
    const bool synced = ::fsync(fd) == 0;
    ::close(fd);
    return synced ? Status{} : fail(unwritable(path, std::strerror(errno)));
}

}  // namespace

Status move_into_place(const std::string& fresh, const std::string& path) {
    SERVO_CHECK(sync_path(fresh));
    if (::rename(fresh.c_str(), path.c_str()) != 0) {
        return fail(unwritable(path, std::strerror(errno)));
    }
    return sync_path(fs::absolute(fs::path(path)).parent_path().string());
}

Error explain(Error error, const std::string& path) {
    if (error.reason == "store_corrupt" && error.message.find("Restore") == std::string::npos) {
        return damaged(path, error.message);
    }
    if (error.reason == "store_unwritable" &&
        error.message.find("--data-dir") == std::string::npos) {
        return unwritable(path, error.message);
    }
    return error;
}

Status check_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(unwritable(path, std::strerror(errno)));
    }
    std::string header(kHeaderBytes, '\0');
    const ssize_t got = ::pread(fd, header.data(), header.size(), 0);
    ::close(fd);
    if (got != static_cast<ssize_t>(kHeaderBytes)) {
        return fail(internal("store_corrupt", "it is empty or cut off"));
    }
    if (!header.starts_with(kMagic) ||
        big_endian(header, 68, 4) != static_cast<uint32_t>(kApplicationId)) {
        return fail(failed_precondition(
            "not_a_servo_store",
            fmt::format(
                "{} is not a database of Servo, or its first page is damaged. Nothing was changed. "
                "Name another folder with --data-dir DIR, or restore a sound backup with `servo "
                "restore`.",
                path
            )
        ));
    }
    const uint32_t page_size = big_endian(header, 16, 2) == 1 ? 65'536 : big_endian(header, 16, 2);
    const int64_t wanted = static_cast<int64_t>(page_size) * big_endian(header, 28, 4);
    if (size_of(wal_of(path)) == 0 && size_of(path) < wanted) {
        return fail(
            internal("store_corrupt", fmt::format("it has {} of {} bytes", size_of(path), wanted))
        );
    }
    return {};
}

Status quick_check(Connection& db) {
    Query query = SERVO_TRY(db.prepare("PRAGMA quick_check(1)"));
    const auto row = query.step();
    if (!row) {
        return fail(row.error());
    }
    const std::string verdict = *row ? query.text(0) : "no answer";
    return verdict == "ok" ? Status{} : fail(internal("store_corrupt", verdict));
}

ReaderPool::Lease::~Lease() {
    if (db_ != nullptr) {
        db_->set_deadline(std::nullopt);
        pool_->give_back(std::move(db_));
    }
}

Result<ReaderPool::Lease> ReaderPool::acquire() {
    std::unique_ptr<Connection> db;
    {
        std::unique_lock lock(mutex_);
        freed_.wait(lock, [this] { return !idle_.empty() || open_ < kReadersMax; });
        if (!idle_.empty()) {
            db = std::move(idle_.back());
            idle_.pop_back();
        } else {
            ++open_;
        }
    }
    if (db == nullptr) {
        auto opened = Connection::open(path_, OpenMode::kReadOnly);
        if (!opened) {
            const std::lock_guard lock(mutex_);
            --open_;
            freed_.notify_one();
            return fail(explain(opened.error(), path_));
        }
        db = std::make_unique<Connection>(std::move(*opened));
    }
    db->set_deadline(kReadLimit);
    return Lease(this, std::move(db));
}

void ReaderPool::give_back(std::unique_ptr<Connection> db) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(db));
    freed_.notify_one();
}

Database::Database(std::string path, LockFile lock, Connection writer)
    : path_(std::move(path)), lock_(std::move(lock)), writer_(std::move(writer)), readers_(path_) {}

Database::~Database() {
    if (sound_ && writer_.run("UPDATE meta SET clean = 1 WHERE id = 1") &&
        writer_.exec("PRAGMA wal_checkpoint(TRUNCATE)")) {
        writer_.checkpoint_on_close();
    }
}

Result<std::shared_ptr<Database>> Database::open(
    const std::string& path, const SqliteOptions& options
) {
    SERVO_CHECK(check_directory(path));
    LockFile lock = SERVO_TRY(LockFile::acquire(path + ".lock"));
    bool created = false;
    if (const Status prepared = prepare_file(path, lock, created); !prepared) {
        return fail(explain(prepared.error(), path));
    }
    SERVO_CHECK(lock.remember_database());
    const bool wal_there = size_of(wal_of(path)) > 0;
    auto opened = Connection::open(path, OpenMode::kReadWrite);
    if (!opened) {
        return fail(explain(opened.error(), path));
    }
    auto out = std::make_shared<Database>(path, std::move(lock), std::move(*opened));
    out->created_ = created;
    if (const Status up = bring_up(out->writer(), path, options, wal_there); !up) {
        out->forbid_clean_mark();
        return fail(explain(up.error(), path));
    }
    return out;
}

}  // namespace servo::store::sqlite
