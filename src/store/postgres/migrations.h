// Connecting for a purpose, and what a database must be for Servo to write to it.
#pragma once

#include <memory>
#include <vector>

#include "store/postgres/connection.h"
#include "store/postgres/postgres_store.h"
#include "store/sql/migrations.h"

namespace servo::store::postgres {

constexpr int kServerVersionMin = 150'000;

// The database that is written to.
Result<Target> target_of(const PostgresOptions& options, Access access);
// The one that history may be read from; `options.read_url` is given. Error: invalid_argument /
// "bad_database_url".
Result<Target> read_target_of(const PostgresOptions& options);

// Refuses a server that is too old, or whose commits may be lost: fsync, full_page_writes,
// synchronous_commit, not in recovery, UTF8. Errors: failed_precondition / "database_too_old",
// "database_not_durable", "database_refused"; unavailable / "database_read_only".
Status check_durable(Connection& db);

const std::vector<sql::EmbeddedSql>& embedded_migrations();  // generated at build time

// Version 0: Servo has no schema there yet.
Result<sql::SchemaState> schema_state(Connection& db);
// Errors: failed_precondition / "schema_too_old", "schema_too_new", "schema_mismatch".
Status check_schema(Connection& db);

// Applies the steps that are missing under a lock that only one migration holds, all in one
// transaction, and returns them. `apply` false: only says what it would do.
Result<SchemaSteps> migrate(Connection& db, bool apply);

}  // namespace servo::store::postgres
