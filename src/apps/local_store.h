// The SQLite file of a data directory, for the CLI's offline verbs.
#pragma once

#include "cli/local_store.h"

namespace servo::apps {

class SqliteLocalStore final : public cli::LocalStore {
 public:
    bool exists(const std::string& data_dir) override;
    Result<std::vector<std::string>> fsck(const std::string& data_dir) override;
    Result<cli::SqlResult> sql(
        const std::string& data_dir, const std::string& statement, size_t rows_max
    ) override;
    Result<cli::BackupResult> backup(const std::string& data_dir, const std::string& file) override;
    Status restore(const std::string& file, const std::string& data_dir, bool replace) override;
};

}  // namespace servo::apps
