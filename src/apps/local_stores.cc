#include "apps/local_stores.h"

#include <algorithm>
#include <filesystem>

#include "apps/open_store.h"
#include "base/private_folder.h"
#include "base/text.h"
#include "core/scheduler.h"
#include "server/token_book.h"
#include "store/postgres/admin.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/sql_functions.h"
#include "store/sqlite/sqlite_store.h"

namespace servo::apps {
namespace {

Error no_store(const std::string& path) {
    return not_found(
        "no_store", "There is no store at " + path + ". Name its folder with --data-dir DIR."
    );
}

Error unreadable(const std::string& path, const std::string& why) {
    return failed_precondition(
        "store_unreadable",
        "Cannot look at " + path + ": " + why + ". Run this as the user whom the store belongs to."
    );
}

bool is_database(const cli::StorePlace& place) {
    return !place.database_url.empty();
}

store::PostgresOptions options_of(const cli::StorePlace& place) {
    return postgres_options(place.database_url, "cli");
}

Result<std::string> existing_file(const cli::StorePlace& place) {
    const std::string path = store_path(place.data_dir);
    std::error_code error;
    const bool there = std::filesystem::exists(path, error);
    if (error) {
        return fail(unreadable(path, error.message()));
    }
    return there ? Result<std::string>(path) : fail(no_store(path));
}

cli::SqlResult result_of(store::SqlTable table) {
    cli::SqlResult out{std::move(table.columns), {}, table.cut};
    for (std::vector<store::SqlCell>& row : table.rows) {
        std::vector<cli::SqlCell>& cells = out.rows.emplace_back();
        for (store::SqlCell& cell : row) {
            cells.push_back({std::move(cell.text), cell.literal});
        }
    }
    return out;
}

cli::StoreMigrations migrations_of(store::SchemaSteps found) {
    cli::StoreMigrations out;
    for (store::SchemaStep& step : found.steps) {
        out.steps.push_back({step.version, std::move(step.name), std::move(step.kind)});
    }
    out.script = std::move(found.script);
    return out;
}

// The epoch after which nobody leads.
Result<int64_t> free_epoch(store::Store& store) {
    const store::LeaderRow leader = SERVO_TRY(store.leader());
    if (leader.epoch > 0 && !leader.gone) {
        return fail(failed_precondition(
            "server_runs",
            "A server leads on this store (" + leader.holder +
                (leader.url.empty() ? "" : ", " + leader.url) +
                "). Make tokens through it, or stop it first. If it died where this cannot be "
                "seen, "
                "behind a pooler, start a server and stop it again."
        ));
    }
    return leader.epoch;
}

}  // namespace

Result<std::string> LocalStores::describe(const cli::StorePlace& place) {
    return is_database(place) ? store::shown_database(place.database_url)
                              : store_path(place.data_dir);
}

bool LocalStores::exists(const cli::StorePlace& place) {
    return is_database(place) || existing_file(place).has_value();
}

Result<cli::StoreMigrations> LocalStores::migrate(const cli::StorePlace& place, bool apply) {
    if (is_database(place)) {
        return migrations_of(SERVO_TRY(store::migrate_postgres(options_of(place), apply)));
    }
    const std::string path = SERVO_TRY(existing_file(place));
    store::SchemaSteps pending = SERVO_TRY(store::pending_sqlite(path));
    if (apply && !pending.steps.empty()) {
        SERVO_TRY(store::open_sqlite(path));  // migrates, and closes in order
    }
    return migrations_of(std::move(pending));
}

std::vector<cli::StoreCheck> LocalStores::examine(const cli::StorePlace& place) {
    std::vector<cli::StoreCheck> out;
    if (is_database(place)) {
        store::PostgresOptions options = options_of(place);
        options.read_url = place.read_database_url;
        for (store::PostgresCheck& check : store::examine_postgres(options)) {
            out.push_back({std::move(check.name), std::move(check.result), std::move(check.detail)}
            );
        }
        return out;
    }
    const auto answer = sql(place, "SELECT count(*) FROM jobs", 1);
    out.push_back(
        {"store",
         answer ? "ok" : "failed",
         answer ? std::string("readable") : answer.error().message}
    );
    return out;
}

Result<std::vector<std::string>> LocalStores::fsck(const cli::StorePlace& place) {
    return is_database(place) ? store::fsck_postgres(options_of(place))
                              : store::fsck_sqlite(SERVO_TRY(existing_file(place)));
}

Result<cli::SqlResult> LocalStores::sql(
    const cli::StorePlace& place, const std::string& statement, size_t rows_max
) {
    if (is_database(place)) {
        return result_of(SERVO_TRY(store::query_postgres(options_of(place), statement, rows_max)));
    }
    const std::string path = SERVO_TRY(existing_file(place));
    return result_of(SERVO_TRY(store::query_sqlite(path, statement, rows_max)));
}

Result<cli::BackupResult> LocalStores::backup(
    const cli::StorePlace& place, const std::string& file
) {
    if (is_database(place)) {
        return fail(use_postgres_tools(
            pg_dump_command(SERVO_TRY(store::shown_database(place.database_url)), file)
        ));
    }
    SERVO_CHECK(store::backup_sqlite(SERVO_TRY(existing_file(place)), file));
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return cli::BackupResult{file, error ? 0 : static_cast<int64_t>(size)};
}

Status LocalStores::restore(const std::string& file, const cli::StorePlace& place, bool replace) {
    if (is_database(place)) {
        return fail(use_postgres_tools(
            "pg_restore --exit-on-error --dbname=" +
            shell_quote(SERVO_TRY(store::shown_database(place.database_url))) + " " +
            shell_quote(file)
        ));
    }
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        return fail(not_found("no_backup", "There is no file " + file + "."));
    }
    if (const std::error_code failed = make_private_folder(place.data_dir)) {
        return fail(internal(
            "store_unwritable", "Cannot make " + place.data_dir + ": " + failed.message() + "."
        ));
    }
    return store::restore_sqlite(
        file,
        store_path(place.data_dir),
        replace ? store::Existing::kReplace : store::Existing::kRefuse
    );
}

Result<std::string> LocalStores::create_admin_token(
    const cli::StorePlace& place, const std::string& note, const std::string& actor, Instant now
) {
    const store::OpenedStore opened = SERVO_TRY(
        is_database(place) ? store::open_postgres(options_of(place))
                           : store::open_sqlite(store_path(place.data_dir))
    );
    const int64_t free = SERVO_TRY(free_epoch(*opened.store));
    const int64_t epoch = SERVO_TRY(
        opened.store->take_leadership({.holder = "servo token create", .url = "", .after = free})
    );
    const model::Snapshot snapshot = SERVO_TRY(opened.store->load(epoch));
    const Instant at = std::max(now, snapshot.last_now);
    core::Scheduler scheduler(snapshot, at, 0);
    const model::TokenText text = server::draw_token(model::TokenRole::kAdmin);
    core::CreateToken command;
    command.row.id = text.id;
    command.row.role = text.role;
    command.row.secret_sha256 = server::token_hash(text.secret);
    command.row.note = note;
    command.row.created_by = actor;
    model::ChangeSet changes;
    const int64_t seq = snapshot.last_seq + 1;
    SERVO_TRY(scheduler.apply(command, at, seq, changes));
    scheduler.seal(at, seq, changes);
    const store::CommitOutcome done = opened.store->commit({epoch, seq, at, &changes});
    if (done.fate != store::CommitFate::kCommitted) {
        return fail(internal("store_unwritable", "The token was not stored: " + done.message));
    }
    SERVO_CHECK(opened.store->resign(epoch));
    return model::format_token(text);
}

}  // namespace servo::apps
