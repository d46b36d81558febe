// What the offline verbs (fsck, sql, backup, restore) need of a data directory. The program that
// links a concrete store implements it; cli itself knows none. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace servo::cli {

struct SqlResult {
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;  // nullopt = NULL
    bool cut = false;                                           // there were more
};

struct BackupResult {
    std::string path;
    int64_t bytes = 0;
};

class LocalStore {
 public:
    virtual ~LocalStore() = default;

    // Whether a store lies there; says nothing about its health.
    virtual bool exists(const std::string& data_dir) = 0;

    // Each contradiction as a sentence; empty = sound. Also while a server writes.
    // Errors: not_found / "no_store", failed_precondition / "schema_too_new", internal.
    virtual Result<std::vector<std::string>> fsck(const std::string& data_dir) = 0;

    // One read-only statement, also while a server writes.
    // Errors: not_found / "no_store"; invalid_argument / "bad_sql".
    virtual Result<SqlResult> sql(
        const std::string& data_dir, const std::string& statement, size_t rows_max
    ) = 0;

    // A consistent copy, also while a server writes. `file` must not exist.
    // Errors: not_found / "no_store"; already_exists / "file_exists".
    virtual Result<BackupResult> backup(const std::string& data_dir, const std::string& file) = 0;

    // Checks the copy, then makes it the data directory's store; one that is there is kept beside
    // it and replaced only with `replace`. Errors: already_exists / "store_exists";
    // failed_precondition / "store_in_use", "schema_too_new".
    virtual Status restore(const std::string& file, const std::string& data_dir, bool replace) = 0;
};

}  // namespace servo::cli
