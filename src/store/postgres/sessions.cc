// Connections that history reads from.
#include <fmt/format.h>

#include "store/postgres/replica.h"
#include "store/postgres/store_impl.h"

namespace servo::store::postgres {
namespace {

SessionLimits read_limits() {
    SessionLimits limits;
    limits.statement = kReadLimit;
    return limits;
}

}  // namespace

class PostgresSession final : public sql::ReadSession {
 public:
    PostgresSession(PostgresSessions& sessions, std::unique_ptr<Connection> db)
        : sessions_(sessions), db_(std::move(db)), adapter_(*db_) {}
    ~PostgresSession() override {
        transaction_.reset();
        sessions_.give_back(std::move(db_));
    }
    PostgresSession(const PostgresSession&) = delete;
    void begin(const SessionLimits& limits) { transaction_.emplace(*db_, limits); }
    sql::Reader& reader() override { return adapter_; }

 private:
    PostgresSessions& sessions_;
    std::unique_ptr<Connection> db_;
    Adapter adapter_;
    std::optional<ReadScope> transaction_;
};

Result<std::unique_ptr<sql::ReadSession>> PostgresSessions::begin(TenantScope scope, sql::Reads) {
    auto session = std::make_unique<PostgresSession>(*this, SERVO_TRY(acquire()));
    // Always a transaction, so that the next one to use the connection, or behind a pooler somebody
    // else, does not see with these eyes. The connection itself sees nobody's rows.
    SessionLimits limits = read_limits();
    limits.sees = scope;
    session->begin(limits);
    return session;
}

Result<std::unique_ptr<Connection>> PostgresSessions::acquire() {
    std::unique_ptr<Connection> db;
    {
        std::unique_lock lock(mutex_);
        const auto free = [this] { return !idle_.empty() || open_ < kReadersMax; };
        if (!freed_.wait_for(lock, kReaderWait, free)) {
            return fail(unavailable(
                "store_busy",
                fmt::format(
                    "All {} connections for reading are in use. Try again, and ask for less at a "
                    "time.",
                    kReadersMax
                )
            ));
        }
        if (!idle_.empty()) {
            db = std::move(idle_.back());
            idle_.pop_back();
        } else {
            ++open_;
        }
    }
    if (db != nullptr && db->probe()) {
        return db;
    }
    auto opened = open();
    if (!opened) {
        give_back(nullptr);
    }
    return opened;
}

Result<std::unique_ptr<Connection>> PostgresSessions::open() const {
    auto db = SERVO_TRY(Connection::open(target_, read_limits()));
    if (!installation_.empty()) {
        SERVO_CHECK(check_installation(*db, installation_));
    }
    return db;
}

void PostgresSessions::give_back(std::unique_ptr<Connection> db) {
    {
        const std::lock_guard lock(mutex_);
        if (db != nullptr && db->alive()) {
            idle_.push_back(std::move(db));
        } else {
            --open_;
        }
    }
    freed_.notify_one();
}

}  // namespace servo::store::postgres
