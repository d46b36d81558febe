// Opening the store that the options name: a PostgreSQL database, or SQLite in the data directory.
#pragma once

#include <string>

#include "config/options.h"
#include "server/server.h"
#include "store/opened_store.h"
#include "store/postgres/postgres_store.h"

namespace servo::apps {

constexpr const char* kStoreFile = "servo.db";

std::string store_path(const std::string& data_dir);
std::string host_name();

// The database that the options name, for a process of that role.
store::PostgresOptions postgres_options(const std::string& database_url, const std::string& role);

// What to type instead of `servo backup`; `shown` as of shown_database.
std::string pg_dump_command(const std::string& shown, const std::string& file);

// Instead of `servo backup` and `servo restore`: failed_precondition / "use_postgres_tools".
Error use_postgres_tools(const std::string& command);

struct AnyStore {
    store::OpenedStore opened;
    server::StoreHooks hooks;
    std::string shown;  // its place, without secrets
};

// `role`: "dev" applies the schema steps that a database lacks; "server" refuses such a one.
// Errors: those of open_sqlite and open_postgres.
Result<AnyStore> open_store(const config::Options& options, const std::string& role);

}  // namespace servo::apps
