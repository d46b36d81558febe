// Schema steps: numbered, forward-only, embedded in the binary. Each file is NNNN_name.sql and says
// in its first line `-- servo: compatible` (an older binary may go on using the database) or
// `-- servo: breaking` (it may not).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/schema_steps.h"
#include "store/sql/reader.h"

namespace servo::store::sql {

struct EmbeddedSql {
    std::string_view name;  // "0001_initial"
    std::string_view sql;
};

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
Result<SchemaState> schema_state(Reader& db);

// Refuses a database that this binary must not touch; a newer, compatible one is fine. `instead`:
// what to type to go on without a database that an unreleased build wrote.
// Errors: failed_precondition / "schema_too_new", "schema_mismatch" (a step's text differs).
Status check_schema(Reader& db, const std::vector<Migration>& known, const std::string& instead);

// The steps that are missing at `state`, each with what schema_migrations is to say of it.
struct PendingStep {
    const Migration* step = nullptr;
    int oldest_allowed = 0;
};
std::vector<PendingStep> pending_steps(
    const std::vector<Migration>& known, const SchemaState& state
);
std::string_view to_string(MigrationKind kind);

// What differs between the databases when steps are applied.
struct Applying {
    std::string_view by_hand;  // what to type for a script in FILE
    std::string_view begin;    // statements before the first step: a transaction, a lock, the table
    std::string_view now_ms;   // an expression
};
// The step and its row of schema_migrations, to be run within a transaction. A breaking one ends
// the leadership of whoever has it, who may be of an older version.
std::string statements_of(const PendingStep& pending, const Applying& applying);
// The steps that are missing, and all of them as one script for the database's own client. It ends
// as if `servo migrate` had applied them.
SchemaSteps describe(const std::vector<PendingStep>& pending, const Applying& applying);

}  // namespace servo::store::sql
