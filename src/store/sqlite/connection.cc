#include "store/sqlite/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace servo::store::sqlite {
namespace {

constexpr int kProgressOps = 4'000;  // between two looks at the clock

// SQLite would make the file as the umask has it, for everybody to read. Its log, index and journal
// take after the file. What is wrong with the path SQLite says.
void make_private_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ::close(fd);
    }
}

}  // namespace

Error sql_error(sqlite3* db, int rc, std::string_view doing) {
    const std::string what = fmt::format(
        "{}: {} (SQLite {})", doing, db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc
    );
    switch (rc & 0xff) {
        case SQLITE_FULL:
            return resource_exhausted("store_full", what + ". Free some space on that disk.");
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
            return internal("store_io", what);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return internal("store_corrupt", what);
        case SQLITE_CONSTRAINT:
            return conflict("constraint", what);
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return unavailable("store_busy", what);
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH:
            return failed_precondition("store_unwritable", what);
        case SQLITE_INTERRUPT: {
            Error error = unavailable(
                "read_too_long", "The read took too long and was ended. Ask for less at a time."
            );
            error.code = ErrorCode::kDeadlineExceeded;
            return error;
        }
        default:
            return internal("store_error", what);
    }
}

Query::Query(sqlite3* db, sqlite3_stmt* statement, bool owned)
    : db_(db), statement_(statement), owned_(owned) {}

Query::Query(Query&& other) noexcept
    : db_(other.db_),
      statement_(std::exchange(other.statement_, nullptr)),
      owned_(other.owned_),
      bind_error_(other.bind_error_) {}

Query::~Query() {
    if (statement_ == nullptr) {
        return;
    }
    if (owned_) {
        sqlite3_finalize(statement_);
    } else {
        sqlite3_reset(statement_);
        sqlite3_clear_bindings(statement_);
    }
}

void Query::note(int rc) {
    if (bind_error_ == SQLITE_OK) {
        bind_error_ = rc;
    }
}

void Query::bind_one(int at, std::string_view text, Destructor keep) {
    const char* data = text.data() != nullptr ? text.data() : "";
    note(sqlite3_bind_text64(statement_, at, data, text.size(), keep, SQLITE_UTF8));
}

void Query::bind_one(int at, Blob blob, Destructor keep) {
    const char* data = blob.bytes.data() != nullptr ? blob.bytes.data() : "";
    note(sqlite3_bind_blob64(statement_, at, data, blob.bytes.size(), keep));
}

Result<bool> Query::step() {
    if (bind_error_ != SQLITE_OK) {
        return fail(sql_error(db_, bind_error_, "binding a parameter"));
    }
    const int rc = sqlite3_step(statement_);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc == SQLITE_DONE) {
        return false;
    }
    return fail(sql_error(db_, rc, sqlite3_sql(statement_)));
}

Status Query::finish() {
    while (SERVO_TRY(step())) {
    }
    return {};
}

std::string_view Query::bytes(int column) const {
    const void* data = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (data == nullptr || size <= 0) {
        return {};
    }
    return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

Connection::Connection(sqlite3* db, bool owned) : db_(db), owned_(owned) {}

Connection::Connection(Connection&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)),
      owned_(other.owned_),
      cache_(std::move(other.cache_)),
      deadline_(std::move(other.deadline_)) {
    other.cache_.clear();
}

Connection& Connection::operator=(Connection&& other) noexcept {
    if (this != &other) {
        close();
        db_ = std::exchange(other.db_, nullptr);
        owned_ = other.owned_;
        cache_ = std::move(other.cache_);
        other.cache_.clear();
        deadline_ = std::move(other.deadline_);
    }
    return *this;
}

Connection::~Connection() {
    close();
}

void Connection::close() {
    for (const auto& [sql, statement] : cache_) {
        sqlite3_finalize(statement);
    }
    cache_.clear();
    if (db_ != nullptr && owned_) {
        sqlite3_close_v2(db_);
    }
    db_ = nullptr;
}

Result<Connection> Connection::open(const std::string& path, OpenMode mode, int page_size) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= mode == OpenMode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= mode == OpenMode::kCreate ? SQLITE_OPEN_CREATE : 0;
    if (mode == OpenMode::kCreate && path != ":memory:") {
        make_private_file(path);
    }
    sqlite3* db = nullptr;
    const int rc = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
    Connection out(db, true);
    if (rc != SQLITE_OK) {
        return fail(sql_error(db, rc, "opening " + path));
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    if (page_size > 0) {
        SERVO_CHECK(out.exec(fmt::format("PRAGMA page_size = {}", page_size)));
    }
    sqlite3_busy_timeout(db, 5'000);
    SERVO_CHECK(
        out.exec("PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = OFF;"
                 "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;")
    );
    // Closing must not move the log into the file unasked: after a failed start the log is
    // evidence.
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    if (mode == OpenMode::kReadOnly) {
        SERVO_CHECK(out.exec("PRAGMA query_only = ON; PRAGMA cache_size = -8192;"));
    }
    return out;
}

Connection Connection::borrow(sqlite3* db) {
    return Connection(db, false);
}

Result<Query> Connection::query(Sql sql) {
    sqlite3_stmt*& statement = cache_[sql.text];
    if (statement == nullptr) {
        const int rc =
            sqlite3_prepare_v3(db_, sql.text, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
        if (rc != SQLITE_OK) {
            cache_.erase(sql.text);
            return fail(sql_error(db_, rc, sql.text));
        }
    }
    return Query(db_, statement, false);
}

Result<Query> Connection::prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const int rc = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
    if (rc != SQLITE_OK) {
        return fail(sql_error(db_, rc, sql));
    }
    return Query(db_, statement, true);
}

Status Connection::exec(const std::string& sql) {
    const int rc = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK) {
        return fail(sql_error(db_, rc, sql.substr(0, 200)));
    }
    return {};
}

void Connection::checkpoint_on_close() {
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

Result<std::string> Connection::pragma(const std::string& name) {
    Query statement = SERVO_TRY(prepare("PRAGMA " + name));
    return SERVO_TRY(statement.step()) ? statement.text(0) : std::string();
}

void Connection::set_deadline(std::optional<std::chrono::milliseconds> limit) {
    if (!limit) {
        sqlite3_progress_handler(db_, 0, nullptr, nullptr);
        return;
    }
    if (deadline_ == nullptr) {
        deadline_ = std::make_unique<Deadline>();
    }
    deadline_->at = std::chrono::steady_clock::now() + *limit;
    const auto late = [](void* deadline) {
        return std::chrono::steady_clock::now() > static_cast<Deadline*>(deadline)->at ? 1 : 0;
    };
    sqlite3_progress_handler(db_, kProgressOps, late, deadline_.get());
}

Result<Transaction> Transaction::begin_write(Connection& db) {
    SERVO_CHECK(db.run("BEGIN IMMEDIATE"));
    return Transaction(db);
}

Result<Transaction> Transaction::begin_read(Connection& db) {
    SERVO_CHECK(db.run("BEGIN"));
    return Transaction(db);
}

Transaction::~Transaction() {
    // A statement that failed badly has rolled back already.
    if (db_ != nullptr && sqlite3_get_autocommit(db_->handle()) == 0) {
        (void)db_->run("ROLLBACK");
    }
}

Status Transaction::commit() {
    SERVO_CHECK(db_->run("COMMIT"));
    db_ = nullptr;
    return {};
}

}  // namespace servo::store::sqlite
