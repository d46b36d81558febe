// What is done to a PostgreSQL database from outside a server, also while one runs: `servo
// migrate`, `servo fsck`, `servo sql`, `servo doctor`. Errors: those of open_postgres.
#pragma once

#include <string>
#include <vector>

#include "store/postgres/postgres_store.h"
#include "store/schema_steps.h"
#include "store/sql_table.h"

namespace servo::store {

// "host=db.example dbname=servo user=servo": what may be shown of a URL, and psql takes.
// Error: invalid_argument / "bad_database_url".
Result<std::string> shown_database(const std::string& url);

// The schema steps that are missing; with `apply` they are applied, all or none.
Result<SchemaSteps> migrate_postgres(const PostgresOptions& options, bool apply);

// Store::fsck on a database, whether or not a server runs on it.
Result<std::vector<std::string>> fsck_postgres(const PostgresOptions& options);

// One statement in a read-only transaction. Error: invalid_argument / "bad_sql".
Result<SqlTable> query_postgres(
    const PostgresOptions& options, const std::string& sql, size_t rows_max
);

// What `servo doctor` says of a database: settings, schema, connections, long and blocked work,
// indexes, vacuum, replication, size, and the one that history is read from.
struct PostgresCheck {
    std::string name;
    std::string result;  // ok, warning, failed
    std::string detail;  // with what to type when not ok
};
std::vector<PostgresCheck> examine_postgres(const PostgresOptions& options);

}  // namespace servo::store
