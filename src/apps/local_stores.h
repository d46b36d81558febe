// The stores on this machine and the databases it reaches, for the CLI's offline verbs.
#pragma once

#include "cli/local_store.h"

namespace servo::apps {

class LocalStores final : public cli::LocalStore {
 public:
    Result<std::string> describe(const cli::StorePlace& place) override;
    Result<cli::StoreMigrations> migrate(const cli::StorePlace& place, bool apply) override;
    std::vector<cli::StoreCheck> examine(const cli::StorePlace& place) override;
    bool exists(const cli::StorePlace& place) override;
    Result<std::vector<std::string>> fsck(const cli::StorePlace& place) override;
    Result<cli::SqlResult> sql(
        const cli::StorePlace& place, const std::string& statement, size_t rows_max
    ) override;
    Result<cli::BackupResult> backup(const cli::StorePlace& place, const std::string& file)
        override;
    Result<std::string> create_admin_token(
        const cli::StorePlace& place, const std::string& note, const std::string& actor, Instant now
    ) override;
    Status restore(const std::string& file, const cli::StorePlace& place, bool replace) override;
};

}  // namespace servo::apps
