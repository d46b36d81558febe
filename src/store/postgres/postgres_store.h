// The store on PostgreSQL 15 or later: any number of servers, one of which leads. The only public
// header for running on it; see also admin.h.
#pragma once

#include <chrono>
#include <string>

#include "store/opened_store.h"

namespace servo::store {

enum class PostgresPooling {
    kDetect,  // by the process number that a pooler makes up
    kAssume,  // a pooler in transaction mode: nothing of a session is relied on
};

struct PostgresOptions {
    // postgresql://… or "host=… dbname=…"; what it leaves out comes from the PG* variables.
    std::string url;
    // A replica of `url`, where the past (Archive::past) is read while it answers; empty: none.
    std::string read_url;
    // Shown in pg_stat_activity as servo-<role>-<host>.
    std::string role = "server";
    std::string host;
    Retention retention;
    // Applies the schema steps that are missing; else a database that lacks some is refused.
    bool migrate = false;
    PostgresPooling pooling = PostgresPooling::kDetect;
    // How long a commit or a takeover waits for a lock.
    std::chrono::milliseconds lock_limit{5'000};
};

// Errors, each with what to type in its message: invalid_argument / "bad_database_url";
// unavailable / "database_unreachable", "database_read_only"; failed_precondition /
// "database_refused", "database_too_old", "database_not_durable", "schema_too_old",
// "schema_too_new", "schema_mismatch", "read_database_foreign". A replica that does not answer is
// no error. No message holds a password.
Result<OpenedStore> open_postgres(const PostgresOptions& options);

}  // namespace servo::store
