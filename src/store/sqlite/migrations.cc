#include "store/sqlite/migrations.h"

#include "store/sqlite/adapter.h"

namespace servo::store::sqlite {
namespace {

Status apply(Connection& db, const sql::PendingStep& pending) {
    const sql::Migration& step = *pending.step;
    Transaction transaction = SERVO_TRY(Transaction::begin_write(db));
    SERVO_CHECK(db.exec(step.sql));
    Query insert = SERVO_TRY(
        db.prepare("INSERT INTO schema_migrations"
                   " (version, name, kind, checksum, oldest_allowed, applied_at_ms)"
                   " VALUES (?, ?, ?, ?, ?, CAST(strftime('%s', 'now') AS INTEGER) * 1000)")
    );
    SERVO_CHECK(insert.run(
        step.version,
        std::string_view(step.name),
        sql::to_string(step.kind),
        step.checksum,
        pending.oldest_allowed
    ));
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

Status migrate(Connection& db, const std::vector<sql::Migration>& known) {
    SERVO_CHECK(
        db.exec("CREATE TABLE IF NOT EXISTS schema_migrations ("
                " version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
                " kind TEXT NOT NULL CHECK (kind IN ('compatible', 'breaking')),"
                " checksum INTEGER NOT NULL, oldest_allowed INTEGER NOT NULL,"
                " applied_at_ms INTEGER NOT NULL) STRICT")
    );
    for (const sql::PendingStep& pending : sql::pending_steps(known, SERVO_TRY(schema_state(db)))) {
        SERVO_CHECK(apply(db, pending));
    }
    return {};
}

}  // namespace servo::store::sqlite
