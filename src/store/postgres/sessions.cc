// Connections that history reads from.
#include <fmt/format.h>

#include "store/postgres/store_impl.h"

namespace servo::store::postgres {

class PostgresSession final : public sql::ReadSession {
 public:
    PostgresSession(PostgresSessions& sessions, std::unique_ptr<Connection> db)
        : sessions_(sessions), db_(std::move(db)), adapter_(*db_) {}
    ~PostgresSession() override {
        scope_.reset();
        sessions_.give_back(std::move(db_));
    }
    PostgresSession(const PostgresSession&) = delete;
    void begin() { scope_.emplace(*db_); }
    sql::Reader& reader() override { return adapter_; }

 private:
    PostgresSessions& sessions_;
    std::unique_ptr<Connection> db_;
    Adapter adapter_;
    std::optional<ReadScope> scope_;
};

Result<std::unique_ptr<sql::ReadSession>> PostgresSessions::begin(sql::Reads reads) {
    std::unique_ptr<Connection> db = SERVO_TRY(acquire());
    const bool pooled = db->pooled();
    auto session = std::make_unique<PostgresSession>(*this, std::move(db));
    // Behind a pooler the limits are the transaction's.
    if (pooled || reads == sql::Reads::kOneSnapshot) {
        session->begin();
    }
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
    SessionLimits limits;
    limits.statement = kReadLimit;
    auto opened = Connection::open(target_, limits);
    if (!opened) {
        give_back(nullptr);
    }
    return opened;
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
