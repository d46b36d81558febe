#include "store/sqlite/fsck.h"

#include <fmt/format.h>

#include <map>

#include "store/sql/fsck.h"
#include "store/sqlite/adapter.h"
#include "store/sqlite/migrations.h"

namespace servo::store::sqlite {
namespace {

// Tables, indexes and views by name → the statement that made them.
using Schema = std::map<std::string, std::string>;

Result<Schema> schema_of(Connection& db) {
    Schema out;
    Query query =
        SERVO_TRY(db.prepare("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"));
    while (SERVO_TRY(query.step())) {
        out.emplace(query.text(0), query.text(1));
    }
    return out;
}

// What this program would make of an empty database, up to the version that `db` has.
Result<Schema> schema_wanted(Connection& db) {
    std::vector<sql::Migration> steps = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    const auto version = static_cast<size_t>(SERVO_TRY(schema_state(db)).version);
    steps.resize(std::min(version, steps.size()));
    Connection fresh = SERVO_TRY(Connection::open(":memory:", OpenMode::kCreate));
    SERVO_CHECK(migrate(fresh, steps));
    return schema_of(fresh);
}

// A newer version may have changed any of them, and has none fewer.
Status check_schema_text(Connection& db, std::vector<std::string>& findings) {
    const auto known = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    const bool newer = SERVO_TRY(schema_state(db)).version > static_cast<int>(known.size());
    const Schema there = SERVO_TRY(schema_of(db));
    for (const auto& [name, text] : SERVO_TRY(schema_wanted(db))) {
        const auto found = there.find(name);
        if (found == there.end()) {
            findings.push_back(fmt::format("The schema has lost {}.", name));
        } else if (!newer && found->second != text) {
            findings.push_back(fmt::format("{} is not what the schema's steps made.", name));
        }
    }
    return {};
}

}  // namespace

Result<std::vector<std::string>> check_sqlite(Connection& db) {
    Transaction snapshot = SERVO_TRY(Transaction::begin_read(db));
    std::vector<std::string> structure;
    {
        Query query = SERVO_TRY(db.prepare("PRAGMA integrity_check(20)"));
        while (SERVO_TRY(query.step())) {
            if (query.bytes(0) != "ok") {
                structure.push_back("SQLite: " + query.text(0));
            }
        }
    }
    const size_t before = structure.size();
    SERVO_CHECK(check_schema_text(db, structure));
    if (structure.size() > before) {
        return structure;  // no recount of tables that are not there, or not the same
    }
    Adapter adapter(db);
    return sql::check_database(adapter, structure);
}

}  // namespace servo::store::sqlite
