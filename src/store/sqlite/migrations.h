// The schema steps of SQLite databases (store/sql/migrations.h), embedded in the binary.
#pragma once

#include <vector>

#include "store/sql/migrations.h"
#include "store/sqlite/connection.h"

namespace servo::store::sqlite {

const std::vector<sql::EmbeddedSql>& embedded_migrations();  // generated at build time

Result<sql::SchemaState> schema_state(Connection& db);
// Errors: those of sql::check_schema.
Status check_schema(Connection& db, const std::vector<sql::Migration>& known);
// The steps that are missing of those of this binary. Error: the database's.
Result<SchemaSteps> pending_steps(Connection& db);
// Applies the steps that are missing, each in a transaction of its own.
Status migrate(Connection& db, const std::vector<sql::Migration>& known);

}  // namespace servo::store::sqlite
