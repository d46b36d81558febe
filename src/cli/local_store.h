// What the offline verbs (fsck, sql, backup, restore, migrate, …) need of a store. The program
// that links concrete stores implements it; cli itself knows none. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace servo::cli {

struct SqlCell {
    std::optional<std::string> text;  // nullopt = NULL
    bool literal = false;             // its text is a number, true or false, and no string
};

struct SqlResult {
    std::vector<std::string> columns;
    std::vector<std::vector<SqlCell>> rows;
    bool cut = false;  // there were more
};

struct BackupResult {
    std::string path;
    int64_t bytes = 0;
};

// A database when one is named, else a data directory.
struct StorePlace {
    std::string data_dir = "./.servo";
    std::string database_url = {};
    std::string read_database_url = {};  // where a server on it reads history; for `examine` alone
};

struct StoreMigration {
    int version = 0;
    std::string name;
    std::string kind;  // compatible, breaking
};

struct StoreMigrations {
    std::vector<StoreMigration> steps;
    std::string script;  // for the database's own client; it ends as if `migrate` had applied them
};

// One thing that was looked at: how it is, and what to type.
struct StoreCheck {
    std::string name;
    std::string result;  // ok, warning, failed
    std::string detail;
};

class LocalStore {
 public:
    virtual ~LocalStore() = default;

    // The place as it may be shown: no password. Error: invalid_argument / "bad_database_url".
    virtual Result<std::string> describe(const StorePlace& place) = 0;

    // The schema steps that are missing; with `apply` they are applied.
    // Errors: not_found / "no_store", failed_precondition / "schema_too_new".
    virtual Result<StoreMigrations> migrate(const StorePlace& place, bool apply) = 0;

    // For `servo doctor`, of a store that exists.
    virtual std::vector<StoreCheck> examine(const StorePlace& place) = 0;

    // Whether a store lies there; says nothing about its health.
    virtual bool exists(const StorePlace& place) = 0;

    // Each contradiction as a sentence; empty = sound. Also while a server writes.
    // Errors: not_found / "no_store", failed_precondition / "schema_too_new", internal.
    virtual Result<std::vector<std::string>> fsck(const StorePlace& place) = 0;

    // One read-only statement, also while a server writes.
    // Errors: not_found / "no_store"; invalid_argument / "bad_sql".
    virtual Result<SqlResult> sql(
        const StorePlace& place, const std::string& statement, size_t rows_max
    ) = 0;

    // A consistent copy, also while a server writes. `file` must not exist.
    // Errors: not_found / "no_store"; already_exists / "file_exists"; failed_precondition /
    // "use_postgres_tools" for a database, as for restore.
    virtual Result<BackupResult> backup(const StorePlace& place, const std::string& file) = 0;

    // Checks the copy, then makes it the data directory's store; one that is there is kept beside
    // it and replaced only with `replace`. Errors: already_exists / "store_exists";
    // failed_precondition / "store_in_use", "schema_too_new".
    virtual Status restore(const std::string& file, const StorePlace& place, bool replace) = 0;

    // Makes an admin token in a store that no server runs on, and returns its text. A store in a
    // folder is made when there is none; a database must have its schema. Errors:
    // failed_precondition / "store_in_use", "server_runs".
    virtual Result<std::string> create_admin_token(
        const StorePlace& place, const std::string& note, const std::string& actor, Instant now
    ) = 0;
};

}  // namespace servo::cli
