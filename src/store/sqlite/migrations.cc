#include "store/sqlite/migrations.h"

#include "store/sqlite/adapter.h"

namespace servo::store::sqlite {
namespace {

constexpr std::string_view kTable =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " kind TEXT NOT NULL CHECK (kind IN ('compatible', 'breaking')),"
    " checksum INTEGER NOT NULL, oldest_allowed INTEGER NOT NULL,"
    " applied_at_ms INTEGER NOT NULL) STRICT";

const sql::Applying& applying() {
    static const std::string begin = "BEGIN IMMEDIATE;\n" + std::string(kTable) + ";";
    static const sql::Applying out = {
        .by_hand = "sqlite3 -bail DIR/servo.db < FILE    (while no server runs on it)",
        .begin = begin,
        .now_ms = "CAST(strftime('%s', 'now') AS INTEGER) * 1000"};
    return out;
}

Status apply(Connection& db, const sql::PendingStep& pending) {
    Transaction transaction = SERVO_TRY(Transaction::begin_write(db));
    SERVO_CHECK(db.exec(sql::statements_of(pending, applying())));
    return transaction.commit();
}

}  // namespace

Result<sql::SchemaState> schema_state(Connection& db) {
    Adapter adapter(db);
    return sql::schema_state(adapter);
}

Status check_schema(Connection& db, const std::vector<sql::Migration>& known) {
    Adapter adapter(db);
    return sql::check_schema(adapter, known, "start with an empty folder (--data-dir DIR)");
}

Result<SchemaSteps> pending_steps(Connection& db) {
    const auto known = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    return sql::describe(sql::pending_steps(known, SERVO_TRY(schema_state(db))), applying());
}

Status migrate(Connection& db, const std::vector<sql::Migration>& known) {
    SERVO_CHECK(db.exec(std::string(kTable)));
    for (const sql::PendingStep& pending : sql::pending_steps(known, SERVO_TRY(schema_state(db)))) {
        SERVO_CHECK(apply(db, pending));
    }
    return {};
}

}  // namespace servo::store::sqlite
