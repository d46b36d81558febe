#include "store/sqlite/adapter.h"

namespace servo::store::sqlite {
namespace {

class SqliteCursor final : public sql::Cursor {
 public:
    explicit SqliteCursor(Query query) : query_(std::move(query)) {}
    Result<bool> step() override { return query_.step(); }
    int64_t integer(int column) const override { return query_.integer(column); }
    bool is_null(int column) const override { return query_.is_null(column); }
    std::string_view bytes(int column) const override { return query_.bytes(column); }

 private:
    Query query_;
};

class SqliteScope final : public sql::Scope {
 public:
    explicit SqliteScope(Transaction transaction) : transaction_(std::move(transaction)) {}
    Status commit() override { return transaction_.commit(); }

 private:
    Transaction transaction_;
};

class SqliteSession final : public sql::ReadSession {
 public:
    explicit SqliteSession(ReaderPool::Lease lease) : lease_(std::move(lease)), adapter_(*lease_) {}
    Status begin() {
        transaction_.emplace(SERVO_TRY(Transaction::begin_read(*lease_)));
        return {};
    }
    sql::Reader& reader() override { return adapter_; }

 private:
    ReaderPool::Lease lease_;
    Adapter adapter_;
    std::optional<Transaction> transaction_;  // ends before the lease does
};

}  // namespace

Result<std::unique_ptr<sql::Cursor>> Adapter::open(sql::Sql sql, const Values& values) {
    Query query = SERVO_TRY(db_.query(sql));
    query.bind_values(values);
    return std::make_unique<SqliteCursor>(std::move(query));
}

Result<std::unique_ptr<sql::Cursor>> Adapter::open_once(
    const std::string& sql, const Values& values
) {
    Query query = SERVO_TRY(db_.prepare(sql));
    query.bind_values(values);
    return std::make_unique<SqliteCursor>(std::move(query));
}

Result<int64_t> Adapter::execute(sql::Sql sql, const Values& values) {
    Query query = SERVO_TRY(db_.query(sql));
    query.bind_values(values);
    SERVO_CHECK(query.run());
    return sqlite3_changes64(db_.handle());
}

Result<std::unique_ptr<sql::Scope>> Adapter::begin_write() {
    return std::make_unique<SqliteScope>(SERVO_TRY(Transaction::begin_write(db_)));
}

Result<std::unique_ptr<sql::ReadSession>> SqliteSessions::begin(TenantScope, sql::Reads reads) {
    auto session = std::make_unique<SqliteSession>(SERVO_TRY(database_->readers().acquire()));
    if (reads == sql::Reads::kOneSnapshot) {
        SERVO_CHECK(session->begin());
    }
    return session;
}

}  // namespace servo::store::sqlite
