#include "apps/open_store.h"

#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "store/postgres/admin.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/sql_functions.h"
#include "store/sqlite/sqlite_store.h"

namespace servo::apps {
namespace {

server::StoreHooks file_hooks(const std::string& path) {
    server::StoreHooks hooks;
    hooks.fsck = [path] { return store::fsck_sqlite(path); };
    hooks.backup = [path](const std::string& to) -> Result<int64_t> {
        SERVO_CHECK(store::backup_sqlite(path, to));
        std::error_code error;
        const auto size = std::filesystem::file_size(to, error);
        return error ? 0 : static_cast<int64_t>(size);
    };
    return hooks;
}

server::StoreHooks database_hooks(const store::PostgresOptions& options, const std::string& shown) {
    server::StoreHooks hooks;
    hooks.fsck = [options] { return store::fsck_postgres(options); };
    hooks.backup = [shown](const std::string& to) -> Result<int64_t> {
        return fail(use_postgres_tools(pg_dump_command(shown, to)));
    };
    return hooks;
}

Result<AnyStore> open_file(const config::Options& options, const store::Retention& retention) {
    store::SqliteOptions sqlite;
    sqlite.retention = retention;
    AnyStore out;
    out.shown = store_path(options.text("data_dir"));
    out.opened = SERVO_TRY(store::open_sqlite(out.shown, sqlite));
    out.hooks = file_hooks(out.shown);
    return out;
}

}  // namespace

std::string store_path(const std::string& data_dir) {
    return (std::filesystem::path(data_dir) / kStoreFile).string();
}

std::string host_name() {
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data()
                                                                             : "localhost";
}

// The tables' owner, too, sees rows only when it says of whom.
std::string pg_dump_command(const std::string& shown, const std::string& file) {
    return "PGOPTIONS='-c servo.tenant=all' pg_dump --enable-row-security --format=custom --file=" +
           shell_quote(file) + " --dbname=" + shell_quote(shown);
}

store::PostgresOptions postgres_options(const std::string& database_url, const std::string& role) {
    store::PostgresOptions out;
    out.url = database_url;
    out.role = role;
    out.host = host_name();
    return out;
}

Error use_postgres_tools(const std::string& command) {
    return failed_precondition(
        "use_postgres_tools",
        "A PostgreSQL store is backed up and restored with PostgreSQL's own programs: " + command
    );
}

Result<AnyStore> open_store(const config::Options& options, const std::string& role) {
    store::Retention retention;
    retention.failures_keep = options.duration("failures_keep");
    retention.history_keep = options.duration("history_keep");
    retention.minutes_keep = options.duration("ledger_minutes_keep");
    retention.hours_keep = options.duration("ledger_hours_keep");
    const std::string& url = options.text("database_url");
    if (url.empty()) {
        if (!options.text("read_database_url").empty()) {
            spdlog::warn(
                "read_database_url is of no use: the store is a file. Set database_url, or unset "
                "it."
            );
        }
        return open_file(options, retention);
    }
    store::PostgresOptions postgres = postgres_options(url, role);
    postgres.read_url = options.text("read_database_url");
    postgres.retention = retention;
    postgres.migrate = role == "dev";
    AnyStore out;
    out.shown = "PostgreSQL " + SERVO_TRY(store::shown_database(url));
    out.opened = SERVO_TRY(store::open_postgres(postgres));
    out.hooks = database_hooks(postgres, SERVO_TRY(store::shown_database(url)));
    return out;
}

}  // namespace servo::apps
