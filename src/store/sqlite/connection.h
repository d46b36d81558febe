// A thin owner of one SQLite connection and its prepared statements. Errors are values; each says
// in its `reason` what a caller can act on:
//   store_full, store_io, store_corrupt, constraint, store_busy, store_unwritable, read_too_long,
//   store_error.
// One connection is used by one thread at a time.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "base/time.h"
#include "store/sql/reader.h"

namespace servo::store::sqlite {

using sql::Blob;
using sql::Sql;

enum class OpenMode { kReadWrite, kCreate, kReadOnly };

// A running statement: bound, stepped row by row, reset when it goes out of scope.
class Query {
 public:
    Query(sqlite3* db, sqlite3_stmt* statement, bool owned);
    Query(Query&& other) noexcept;
    Query(const Query&) = delete;
    Query& operator=(Query&&) = delete;
    ~Query();

    // Binds the parameters in order; the values are copied.
    template <typename... Args>
    void bind(const Args&... args) {
        int at = 0;
        (bind_one(++at, args, SQLITE_TRANSIENT), ...);
    }
    // The same from a list.
    void bind_values(const std::vector<sql::Value>& values) {
        int at = 0;
        for (const sql::Value& value : values) {
            ++at;
            std::visit([&](const auto& v) { bind_one(at, v, SQLITE_TRANSIENT); }, value);
        }
    }
    // Binds without copying and runs to the end.
    template <typename... Args>
    Status run(const Args&... args) {
        int at = 0;
        (bind_one(++at, args, SQLITE_STATIC), ...);
        return finish();
    }
    // True while there is a row.
    Result<bool> step();

    // Columns of the present row, from 0. Views live until the next step.
    int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    int small(int column) const { return sqlite3_column_int(statement_, column); }
    bool is_null(int column) const {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    std::optional<int64_t> maybe_integer(int column) const {
        return is_null(column) ? std::nullopt : std::optional(integer(column));
    }
    // NULL means never.
    Instant instant(int column) const {
        return is_null(column) ? kNever : instant_ms(integer(column));
    }
    std::string_view bytes(int column) const;
    std::string text(int column) const { return std::string(bytes(column)); }
    template <typename Id>
    Id id(int column) const {
        return Id(integer(column));
    }

 private:
    using Destructor = sqlite3_destructor_type;
    void note(int rc);
    Status finish();
    void bind_one(int at, std::nullptr_t, Destructor) { note(sqlite3_bind_null(statement_, at)); }
    void bind_one(int at, std::string_view text, Destructor keep);
    void bind_one(int at, Blob blob, Destructor keep);
    void bind_one(int at, Instant value, Destructor keep) {
        if (value == kNever) {
            bind_one(at, nullptr, keep);
        } else {
            bind_one(at, to_ms(value), keep);
        }
    }
    template <typename Int>
    std::enable_if_t<std::is_integral_v<Int>> bind_one(int at, Int value, Destructor) {
        note(sqlite3_bind_int64(statement_, at, static_cast<sqlite3_int64>(value)));
    }
    template <typename Tag>
    void bind_one(int at, StrongId<Tag> id, Destructor keep) {
        bind_one(at, id.value, keep);
    }
    template <typename T>
    void bind_one(int at, const std::optional<T>& value, Destructor keep) {
        if (value) {
            bind_one(at, *value, keep);
        } else {
            bind_one(at, nullptr, keep);
        }
    }

    sqlite3* db_;
    sqlite3_stmt* statement_;
    bool owned_;
    int bind_error_ = SQLITE_OK;
};

class Connection {
 public:
    static Result<Connection> open(const std::string& path, OpenMode mode, int page_size = 0);
    // Wraps a handle that somebody else closes (SQL functions).
    static Connection borrow(sqlite3* db);
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;
    ~Connection();

    // A cached statement. It must not be asked for again while a Query of it lives.
    Result<Query> query(Sql sql);
    // A statement used once.
    Result<Query> prepare(const std::string& sql);
    // One or more statements without parameters or results.
    Status exec(const std::string& sql);

    template <typename... Args>
    Status run(Sql sql, const Args&... args) {
        auto statement = query(sql);
        if (!statement) {
            return fail(statement.error());
        }
        return statement->run(args...);
    }
    // First column of the first row; nullopt when there is no row or it is NULL.
    template <typename... Args>
    Result<std::optional<int64_t>> integer(Sql sql, const Args&... args) {
        Query statement = SERVO_TRY(query(sql));
        statement.bind(args...);
        if (!SERVO_TRY(statement.step())) {
            return std::nullopt;
        }
        return statement.maybe_integer(0);
    }
    Result<std::string> pragma(const std::string& name);
    // Lets the last close move the log into the file and delete it.
    void checkpoint_on_close();

    // Statements that run longer fail with read_too_long. Counts from now; nullopt: no limit.
    void set_deadline(std::optional<std::chrono::milliseconds> limit);

    sqlite3* handle() const { return db_; }
    void close();

 private:
    explicit Connection(sqlite3* db, bool owned);

    struct Deadline {
        std::chrono::steady_clock::time_point at;
        bool armed = false;
    };

    sqlite3* db_ = nullptr;
    bool owned_ = true;
    std::unordered_map<const char*, sqlite3_stmt*> cache_;
    std::unique_ptr<Deadline> deadline_;
};

// What went wrong on `db`, by result code.
Error sql_error(sqlite3* db, int rc, std::string_view doing);

// BEGIN … COMMIT; rolls back unless committed.
class Transaction {
 public:
    static Result<Transaction> begin_write(Connection& db);
    static Result<Transaction> begin_read(Connection& db);
    Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Status commit();

 private:
    explicit Transaction(Connection& db) : db_(&db) {}
    Connection* db_;
};

}  // namespace servo::store::sqlite
