// What the rules shared by the SQL stores need of a connection: prepared statements with `?` for
// parameters, rows, a transaction. Each store adapts its own connection to it.
// One connection is used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "base/time.h"

namespace servo::store::sql {

// A statement's text; only literals, so that caches of prepared ones can go by address.
struct Sql {
    template <size_t N>
    constexpr Sql(const char (&literal)[N]) : text(literal) {}  // NOLINT: implicit on purpose
    const char* text;
};

struct Blob {
    std::string_view bytes;
};

// A parameter: NULL, an integer, text or bytes. Views must live until the call returns.
using Value = std::variant<std::nullptr_t, int64_t, std::string_view, Blob>;

template <typename T>
Value value_of(const T& given) {
    if constexpr (std::is_integral_v<T>) {
        return static_cast<int64_t>(given);
    } else if constexpr (std::is_same_v<T, Instant>) {
        return given == kNever ? Value(nullptr) : Value(to_ms(given));
    } else {
        return Value(given);
    }
}
template <typename Tag>
Value value_of(const StrongId<Tag>& id) {
    return static_cast<int64_t>(id.value);
}
template <typename T>
Value value_of(const std::optional<T>& given) {
    return given ? value_of(*given) : Value(nullptr);
}

// The rows of a statement, one at a time.
class Cursor {
 public:
    virtual ~Cursor() = default;
    virtual Result<bool> step() = 0;
    virtual int64_t integer(int column) const = 0;
    virtual bool is_null(int column) const = 0;
    virtual std::string_view bytes(int column) const = 0;
};

// A running statement; ends when it goes out of scope.
class Query {
 public:
    explicit Query(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}

    // True while there is a row.
    Result<bool> step() { return cursor_->step(); }

    // Columns of the present row, from 0. Views live until the next step.
    int64_t integer(int column) const { return cursor_->integer(column); }
    int small(int column) const { return static_cast<int>(cursor_->integer(column)); }
    bool is_null(int column) const { return cursor_->is_null(column); }
    std::string_view bytes(int column) const { return cursor_->bytes(column); }
    std::string text(int column) const { return std::string(bytes(column)); }
    std::optional<int64_t> maybe_integer(int column) const {
        return is_null(column) ? std::nullopt : std::optional(integer(column));
    }
    // NULL means never.
    Instant instant(int column) const {
        return is_null(column) ? kNever : instant_ms(integer(column));
    }
    template <typename Id>
    Id id(int column) const {
        return Id(integer(column));
    }

 private:
    std::unique_ptr<Cursor> cursor_;
};

class Reader {
 public:
    virtual ~Reader() = default;

    // A cached statement. It must not be asked for again while a Query of it lives.
    template <typename... Args>
    Result<Query> query(Sql sql, const Args&... args) {
        return Query(SERVO_TRY(open(sql, {value_of(args)...})));
    }
    // A statement used once.
    template <typename... Args>
    Result<Query> once(const std::string& sql, const Args&... args) {
        return Query(SERVO_TRY(open_once(sql, {value_of(args)...})));
    }
    // First column of the first row; nullopt when there is no row or it is NULL.
    template <typename... Args>
    Result<std::optional<int64_t>> integer(Sql sql, const Args&... args) {
        Query rows = SERVO_TRY(query(sql, args...));
        return SERVO_TRY(rows.step()) ? rows.maybe_integer(0) : std::nullopt;
    }

 protected:
    using Values = std::vector<Value>;
    virtual Result<std::unique_ptr<Cursor>> open(Sql sql, const Values& values) = 0;
    virtual Result<std::unique_ptr<Cursor>> open_once(
        const std::string& sql, const Values& values
    ) = 0;
};

// Reads of one snapshot, or writes of one transaction, from begin to commit. Gone without a commit,
// it rolls back.
class Scope {
 public:
    virtual ~Scope() = default;
    virtual Status commit() = 0;
};

class Writer : public Reader {
 public:
    // One statement of its own, or a part of the transaction that is open. Rows it changed.
    template <typename... Args>
    Result<int64_t> run(Sql sql, const Args&... args) {
        return execute(sql, {value_of(args)...});
    }
    virtual Result<std::unique_ptr<Scope>> begin_write() = 0;

 protected:
    virtual Result<int64_t> execute(Sql sql, const Values& values) = 0;
};

}  // namespace servo::store::sql
