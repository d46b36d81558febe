#include "store/postgres/migrations.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "store/postgres/adapter.h"

namespace servo::store::postgres {
namespace {

Error not_durable(const Target& target, std::string_view what, std::string_view mend) {
    return failed_precondition(
        "database_not_durable",
        fmt::format(
            "The database {} has {}: commits that were acknowledged could be lost. Type in psql: "
            "{}",
            target.shown(),
            what,
            mend
        )
    );
}

constexpr const char* kReload = " SELECT pg_reload_conf();";

Status check_version(const Connection& db) {
    if (db.server_version() >= kServerVersionMin) {
        return {};
    }
    return fail(failed_precondition(
        "database_too_old",
        fmt::format(
            "The database {} is PostgreSQL {}; Servo needs 15 or later.",
            db.target().shown(),
            db.server_version() / 10'000
        )
    ));
}

std::string word(const sql::Query& row, int column) {
    return row.text(column);
}

}  // namespace

namespace {

Result<Target> target_at(const std::string& url, const PostgresOptions& options, Access access) {
    const std::string host = options.host.empty() ? "localhost" : options.host;
    Target target = SERVO_TRY(Target::parse(url, "servo-" + options.role + "-" + host, access));
    if (options.pooling == PostgresPooling::kAssume) {
        target.pooling = Pooling::kAssume;
    }
    return target;
}

}  // namespace

Result<Target> target_of(const PostgresOptions& options, Access access) {
    return target_at(options.url, options, access);
}

Result<Target> read_target_of(const PostgresOptions& options) {
    auto target = target_at(options.read_url, options, Access::kReadOnly);
    if (!target) {
        target.error().message = "--read-database-url: " + target.error().message;
    }
    return target;
}

Status check_durable(Connection& db) {
    SERVO_CHECK(check_version(db));
    Adapter adapter(db);
    sql::Query row = SERVO_TRY(adapter.once(
        "SELECT current_setting('fsync'), current_setting('full_page_writes'),"
        " current_setting('synchronous_commit'), pg_is_in_recovery()::int,"
        " current_setting('transaction_read_only'), current_setting('server_encoding')"
    ));
    SERVO_TRY(row.step());
    const Target& target = db.target();
    if (word(row, 0) != "on") {
        return fail(not_durable(
            target, "fsync = " + word(row, 0), std::string("ALTER SYSTEM SET fsync = on;") + kReload
        ));
    }
    if (word(row, 1) != "on") {
        return fail(not_durable(
            target,
            "full_page_writes = " + word(row, 1),
            std::string("ALTER SYSTEM SET full_page_writes = on;") + kReload
        ));
    }
    const std::string commit = word(row, 2);
    if (commit == "off" || commit == "local") {
        return fail(not_durable(
            target,
            "synchronous_commit = " + commit,
            "ALTER SYSTEM SET synchronous_commit = on; ALTER DATABASE … RESET synchronous_commit; "
            "ALTER ROLE … RESET synchronous_commit;" +
                std::string(kReload)
        ));
    }
    if (row.integer(3) != 0 || word(row, 4) == "on") {
        return fail(unavailable(
            "database_read_only",
            fmt::format(
                "The database {} is a standby or read-only. Name the primary with --database-url.",
                target.shown()
            )
        ));
    }
    if (word(row, 5) != "UTF8") {
        return fail(failed_precondition(
            "database_refused",
            fmt::format(
                "The database {} has encoding {}; Servo needs UTF8: createdb --encoding=UTF8 "
                "--template=template0 NAME",
                target.shown(),
                word(row, 5)
            )
        ));
    }
    return {};
}

// --- schema ------------------------------------------------------------------------------------

Result<sql::SchemaState> schema_state(Connection& db) {
    Adapter adapter(db);
    sql::Query there =
        SERVO_TRY(adapter.once("SELECT (to_regclass('schema_migrations') IS NOT NULL)::int"));
    SERVO_TRY(there.step());
    if (there.integer(0) == 0) {
        return sql::SchemaState{};
    }
    return sql::schema_state(adapter);
}

namespace {

Status check_known(
    Connection& db, const std::vector<sql::Migration>& known, const sql::SchemaState& state
) {
    if (state.version == 0) {
        return {};
    }
    Adapter adapter(db);
    return sql::check_schema(adapter, known, "create a new database and name it");
}

}  // namespace

Status check_schema(Connection& db) {
    const auto known = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    const sql::SchemaState state = SERVO_TRY(schema_state(db));
    SERVO_CHECK(check_known(db, known, state));
    if (state.version < static_cast<int>(known.size())) {
        return fail(failed_precondition(
            "schema_too_old",
            fmt::format(
                "The database {} has {}, this servo needs schema {}. Back it up if it holds "
                "anything, then type: servo migrate",
                db.target().shown(),
                state.version == 0 ? std::string("no schema of Servo yet")
                                   : fmt::format("schema {}", state.version),
                known.size()
            )
        ));
    }
    if (state.version > static_cast<int>(known.size())) {
        spdlog::warn(
            "the database has schema {}, this servo knows {}; it says that is fine",
            state.version,
            known.size()
        );
    }
    return {};
}

namespace {

// The lock is a transaction's, so that it ends with it even behind a pooler; its key is any number
// that is Servo's own. Another migration may take its time, and so may this one; for a table that
// somebody works with it does not wait for long.
constexpr sql::Applying kApplying = {
    .by_hand = "psql --set=ON_ERROR_STOP=1 --file=FILE --dbname=DATABASE    (as the role of Servo)",
    .begin =
        "BEGIN;\n"
        "SET LOCAL statement_timeout = 0;\n"
        "SET LOCAL lock_timeout = 0;\n"
        "SET LOCAL idle_in_transaction_session_timeout = '60s';\n"
        "SET LOCAL client_min_messages = warning;\n"
        "SET LOCAL servo.tenant = 'all';\n"
        "SELECT pg_advisory_xact_lock(7310311220470165873);\n"
        "SET LOCAL lock_timeout = '15s';\n"
        "CREATE TABLE IF NOT EXISTS schema_migrations (\n"
        "    version BIGINT PRIMARY KEY, name TEXT NOT NULL,\n"
        "    kind TEXT NOT NULL CHECK (kind IN ('compatible', 'breaking')),\n"
        "    checksum BIGINT NOT NULL, oldest_allowed BIGINT NOT NULL,\n"
        "    applied_at_ms BIGINT NOT NULL);",
    .now_ms = "(extract(epoch FROM clock_timestamp()) * 1000)::int8"};

}  // namespace

Result<SchemaSteps> migrate(Connection& db, bool apply) {
    SERVO_CHECK(check_version(db));
    const auto known = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    struct Ending {
        Connection& db;
        ~Ending() { db.roll_back(); }
    } ending{db};
    if (apply) {
        SERVO_CHECK(db.exec(std::string(kApplying.begin)));
    }
    const sql::SchemaState state = SERVO_TRY(schema_state(db));
    SERVO_CHECK(check_known(db, known, state));
    const std::vector<sql::PendingStep> pending = sql::pending_steps(known, state);
    if (apply) {
        for (const sql::PendingStep& step : pending) {
            SERVO_CHECK(db.exec(sql::statements_of(step, kApplying)));
        }
        SERVO_CHECK(db.exec("COMMIT"));
    }
    return sql::describe(pending, kApplying);
}

}  // namespace servo::store::postgres
