#include "apps/local_store.h"

#include <filesystem>

#include "apps/node.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/sql_functions.h"

namespace servo::apps {
namespace {

Error no_store(const std::string& path) {
    return not_found(
        "no_store", "There is no store at " + path + ". Name its folder with --data-dir DIR."
    );
}

}  // namespace

bool SqliteLocalStore::exists(const std::string& data_dir) {
    std::error_code error;
    return std::filesystem::exists(store_path(data_dir), error);
}

Result<std::vector<std::string>> SqliteLocalStore::fsck(const std::string& data_dir) {
    return exists(data_dir) ? store::fsck_sqlite(store_path(data_dir))
                            : fail(no_store(store_path(data_dir)));
}

Result<cli::SqlResult> SqliteLocalStore::sql(
    const std::string& data_dir, const std::string& statement, size_t rows_max
) {
    if (!exists(data_dir)) {
        return fail(no_store(store_path(data_dir)));
    }
    store::SqlTable table =
        SERVO_TRY(store::query_sqlite(store_path(data_dir), statement, rows_max));
    return cli::SqlResult{std::move(table.columns), std::move(table.rows), table.cut};
}

Result<cli::BackupResult> SqliteLocalStore::backup(
    const std::string& data_dir, const std::string& file
) {
    if (!exists(data_dir)) {
        return fail(no_store(store_path(data_dir)));
    }
    SERVO_CHECK(store::backup_sqlite(store_path(data_dir), file));
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return cli::BackupResult{file, error ? 0 : static_cast<int64_t>(size)};
}

Status SqliteLocalStore::restore(
    const std::string& file, const std::string& data_dir, bool replace
) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        return fail(not_found("no_backup", "There is no file " + file + "."));
    }
    std::filesystem::create_directories(data_dir, error);
    if (error) {
        return fail(
            internal("store_unwritable", "Cannot make " + data_dir + ": " + error.message() + ".")
        );
    }
    return store::restore_sqlite(
        file, store_path(data_dir), replace ? store::Existing::kReplace : store::Existing::kRefuse
    );
}

}  // namespace servo::apps
