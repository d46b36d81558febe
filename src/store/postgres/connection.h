// A thin owner of one libpq connection. Everything goes through pipelines: several statements and
// their results in one round trip, with binary parameters and results. Errors are values; each says
// in its `reason` what a caller can act on:
//   database_unreachable, database_refused, database_read_only, deposed, constraint, store_full,
//   store_busy, read_too_long, store_corrupt, store_io, store_error.
// No message holds a secret of the connection's settings. Used by one thread at a time.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/postgres/params.h"
#include "store/postgres/target.h"
#include "store/sql/reader.h"
#include "store/store.h"

namespace servo::store::postgres {

struct ResultDeleter {
    void operator()(PGresult* result) const { PQclear(result); }
};
using OwnedResult = std::unique_ptr<PGresult, ResultDeleter>;

// Rows that a statement changed.
int64_t changed_rows(const PGresult* result);

// What a session, or one transaction, may take and see.
struct SessionLimits {
    // Whose rows there are for it: row-level security goes by this. nullopt: nobody's.
    std::optional<TenantScope> sees;
    std::chrono::milliseconds statement{20'000};
    std::chrono::milliseconds lock{5'000};
    std::chrono::milliseconds idle_in_transaction{2'000};
    // Statements find rows by key, however small their table was when they were planned.
    bool by_key = false;
    // How long this side waits for an answer beyond that of the server.
    std::chrono::milliseconds margin{5'000};
};

class Connection;

// Statements that are sent together. Those of one pipeline between BEGIN and COMMIT are one
// transaction; the first that fails ends the rest.
class Pipeline {
 public:
    explicit Pipeline(Connection& connection) : connection_(connection) {}

    // A statement that is prepared once per connection.
    void add(sql::Sql sql, Params params = {});
    // A statement used once.
    void add_once(std::string sql, Params params = {});

    // Sends all and waits: one transaction, unless one was begun. One result per statement. After
    // an error the connection is out of any transaction, or gone.
    Result<std::vector<OwnedResult>> run();

 private:
    friend class Connection;
    struct Step {
        const char* key = nullptr;  // of the cache of prepared statements; nullptr: once
        std::string text;
        Params params;
    };
    Connection& connection_;
    std::vector<Step> steps_;
};

class Connection {
 public:
    // Connects, finds out whether a pooler is in between, and sets the session's limits. Errors:
    // invalid_argument / "bad_database_url"; unavailable / "database_unreachable",
    // "database_read_only"; failed_precondition / "database_refused".
    static Result<std::unique_ptr<Connection>> open(
        const Target& target, const SessionLimits& limits
    );
    // The same once more on a connection that is lost, in place; nothing on one that is alive.
    Status reopen();
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Whether it is still there, as far as can be told without asking.
    bool probe();
    bool alive() const { return db_ != nullptr && PQstatus(db_) == CONNECTION_OK; }
    // A pooler hands each transaction to a session of its choice: no prepared statements, and the
    // limits are set in each transaction.
    bool pooled() const { return pooled_; }
    int server_version() const { return PQserverVersion(db_); }
    const Target& target() const { return target_; }

    // Process number of the server's side; 0 behind a pooler.
    int backend() const { return pooled_ ? 0 : PQbackendPID(db_); }

    // Begins a transaction with the next pipeline, in the same round trip. `mode` as in BEGIN.
    void begin_with_next(const char* mode, std::optional<SessionLimits> limits = std::nullopt);
    // Ends a transaction that is open, whatever it did.
    void roll_back();
    bool in_transaction() const { return PQtransactionStatus(db_) != PQTRANS_IDLE; }
    // One or more statements without parameters; not in a pipeline.
    Status exec(const std::string& sql);
    // Exactly one statement; its rows as text.
    Result<OwnedResult> read_text(const std::string& sql);

 private:
    friend class Pipeline;
    Connection(Target target, const SessionLimits& limits)
        : target_(std::move(target)), limits_(limits) {}

    Status set_up();
    Result<std::vector<OwnedResult>> run(std::vector<Pipeline::Step>& steps);
    // A result to come: of a preparation under that name, or of the statement itself.
    struct Expected {
        const char* text;
        std::string prepares;
    };
    Status send(const std::vector<Pipeline::Step>& steps, std::vector<Expected>& expected);
    bool send_once(const Pipeline::Step& step);
    bool send_prepared(const Pipeline::Step& step, std::vector<Expected>& expected);
    Result<OwnedResult> next_result();
    Result<OwnedResult> simple_result(std::string_view doing);
    void set_deadline();
    Status wait_for_result();
    Status drain();
    void close();
    Error lost(std::string_view doing);
    Error not_connected() const;
    Error failure(const PGresult* result, std::string_view doing) const;

    PGconn* db_ = nullptr;
    Target target_;
    SessionLimits limits_;
    std::optional<SessionLimits> transaction_limits_;  // instead, until it ends
    bool pooled_ = false;
    std::unordered_map<const char*, std::string> prepared_;  // names by the literal's address
    std::vector<Pipeline::Step> prefix_;                     // goes out with the next pipeline
    int64_t named_ = 0;
    std::chrono::steady_clock::time_point deadline_;
};

}  // namespace servo::store::postgres
