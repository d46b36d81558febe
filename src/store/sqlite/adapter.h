// SQLite behind the interface of the rules that the SQL stores share. Private to store/sqlite.
#pragma once

#include "store/sql/history.h"
#include "store/sql/reader.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/database.h"

namespace servo::store::sqlite {

class Adapter final : public sql::Writer {
 public:
    // `db` outlives it.
    explicit Adapter(Connection& db) : db_(db) {}
    Result<std::unique_ptr<sql::Scope>> begin_write() override;

 protected:
    Result<std::unique_ptr<sql::Cursor>> open(sql::Sql sql, const Values& values) override;
    Result<std::unique_ptr<sql::Cursor>> open_once(const std::string& sql, const Values& values)
        override;
    Result<int64_t> execute(sql::Sql sql, const Values& values) override;

 private:
    Connection& db_;
};

// Sessions on the read-only connections of a database. SQLite has no rows of its own to keep from
// anybody: the statements' own conditions are the only wall.
class SqliteSessions final : public sql::ReadSessions {
 public:
    explicit SqliteSessions(std::shared_ptr<Database> database) : database_(std::move(database)) {}
    Result<std::unique_ptr<sql::ReadSession>> begin(TenantScope scope, sql::Reads reads) override;

 private:
    std::shared_ptr<Database> database_;
};

}  // namespace servo::store::sqlite
