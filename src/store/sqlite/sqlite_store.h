// The store on SQLite: one file, one process, WAL with synchronous FULL. The only public header for
// running on it; see also backup.h and sql_functions.h.
#pragma once

#include <string>

#include "store/opened_store.h"
#include "store/schema_steps.h"

namespace servo::store {

struct SqliteOptions {
    Retention retention;
    int64_t size_max_bytes = 0;  // beyond it commits are answered kFull; 0 = the disk is the limit
};

// Opens the database at `path`, or creates it when neither it nor a trace of an earlier one exists;
// its folder is created when missing. Errors, each with what to type in its message:
// failed_precondition / "store_in_use", "schema_too_new", "schema_mismatch", "not_a_servo_store",
// "store_unwritable", "store_missing", "network_file_system"; internal / "store_corrupt",
// "store_io".
Result<OpenedStore> open_sqlite(const std::string& path, const SqliteOptions& options = {});

// The schema steps that the database at `path` lacks; opening it applies them. Errors: those of
// query_sqlite.
Result<SchemaSteps> pending_sqlite(const std::string& path);

}  // namespace servo::store
