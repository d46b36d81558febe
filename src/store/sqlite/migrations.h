// Schema steps: numbered, forward-only, embedded in the binary. Each file is NNNN_name.sql and says
// in its first line `-- servo: compatible` (an older binary may go on using the database) or
// `-- servo: breaking` (it may not).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace servo::store::sqlite {

struct EmbeddedSql {
    std::string_view name;  // "0001_initial"
    std::string_view sql;
};
const std::vector<EmbeddedSql>& embedded_migrations();  // generated at build time

enum class MigrationKind { kCompatible, kBreaking };

struct Migration {
    int version = 0;  // from 1, without gaps
    std::string name;
    MigrationKind kind = MigrationKind::kBreaking;
    std::string sql;
    int64_t checksum = 0;
};

// Checks numbering and marks. Error: internal / "bad_migration".
Result<std::vector<Migration>> parse_migrations(const std::vector<EmbeddedSql>& files);

struct SchemaState {
    int version = 0;         // newest step applied
    int oldest_allowed = 0;  // schema version that a binary must know at least
};
Result<SchemaState> schema_state(Connection& db);

// Refuses a database that this binary must not touch; a newer, compatible one is fine.
// Errors: failed_precondition / "schema_too_new", "schema_mismatch" (a step's text differs).
Status check_schema(Connection& db, const std::vector<Migration>& known);

// Applies the steps that are missing, each in a transaction of its own.
Status migrate(Connection& db, const std::vector<Migration>& known);

}  // namespace servo::store::sqlite
