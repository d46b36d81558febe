// PostgreSQL behind the interface of the rules that the SQL stores share. Private to
// store/postgres.
#pragma once

#include <memory>
#include <string>

#include "store/postgres/connection.h"
#include "store/sql/reader.h"

namespace servo::store::postgres {

// Rows of one result, all of them here already.
class ResultCursor final : public sql::Cursor {
 public:
    explicit ResultCursor(OwnedResult result) : result_(std::move(result)) {}
    Result<bool> step() override { return ++row_ < PQntuples(result_.get()); }
    int64_t integer(int column) const override { return read_integer(bytes(column)); }
    bool is_null(int column) const override {
        return PQgetisnull(result_.get(), row_, column) != 0;
    }
    std::string_view bytes(int column) const override {
        return {
            PQgetvalue(result_.get(), row_, column),
            static_cast<size_t>(PQgetlength(result_.get(), row_, column))};
    }

 private:
    OwnedResult result_;
    int row_ = -1;
};

class Adapter final : public sql::Writer {
 public:
    // `db` outlives it. Writes happen under `*epoch` alone: each transaction holds it first.
    // nullptr: reads only.
    explicit Adapter(Connection& db, const int64_t* epoch = nullptr) : db_(db), epoch_(epoch) {}
    Result<std::unique_ptr<sql::Scope>> begin_write() override;

 protected:
    Result<std::unique_ptr<sql::Cursor>> open(sql::Sql sql, const Values& values) override;
    Result<std::unique_ptr<sql::Cursor>> open_once(const std::string& sql, const Values& values)
        override;
    Result<int64_t> execute(sql::Sql sql, const Values& values) override;

 private:
    Connection& db_;
    const int64_t* epoch_;
};

// A transaction that ends with this object, whatever happened in it.
class ReadScope {
 public:
    // Begins with the next statement: one snapshot, nothing may be written.
    explicit ReadScope(Connection& db, std::optional<SessionLimits> limits = std::nullopt)
        : db_(db) {
        db_.begin_with_next("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", limits);
    }
    ~ReadScope() { db_.roll_back(); }
    ReadScope(const ReadScope&) = delete;

 private:
    Connection& db_;
};

}  // namespace servo::store::postgres
