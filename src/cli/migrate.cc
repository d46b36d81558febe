#include "base/text.h"
#include "cli/groups.h"
#include "cli/store_place.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

struct MigrateArgs {
    bool dry_run = false;
    bool show_sql = false;
};

Result<int> migrate(Session& session, const ProcessFlags& flags, const MigrateArgs& args) {
    if (session.local_store() == nullptr) {
        return fail(failed_precondition("no_local_store", "This build has no store in it."));
    }
    LocalStore& store = *session.local_store();
    const StorePlace place = SERVO_TRY(store_place(session.environment(), flags));
    const bool apply = !args.dry_run && !args.show_sql;
    const StoreMigrations found = SERVO_TRY(store.migrate(place, apply));
    const std::vector<StoreMigration>& steps = found.steps;
    const std::string shown = SERVO_TRY(store.describe(place));
    boost::json::array items;
    std::string text;
    for (const StoreMigration& step : steps) {
        items.push_back(boost::json::object{
            {"version", step.version}, {"name", step.name}, {"kind", step.kind}});
        text += std::to_string(step.version) + " " + step.name + " (" + step.kind + ")\n";
    }
    boost::json::object json{{"applied", apply}, {"steps", std::move(items)}};
    if (args.show_sql) {
        json["script"] = found.script;
        text = found.script;
    }
    session.output().note(
        steps.empty() ? "nothing to do, the schema is up to date: " + shown
        : apply       ? "applied to " + shown
                      : "not applied to " + shown + "; without --dry-run and --show-sql it is"
    );
    session.output().thing(
        {std::move(json),
         steps.empty() ? "up to date"
         : apply       ? "applied"
                       : "pending",
         text}
    );
    return args.dry_run && !steps.empty() ? kFailed : kOk;
}

}  // namespace

void add_migrate(Commands& commands) {
    auto args = std::make_shared<MigrateArgs>();
    auto flags = std::make_shared<std::shared_ptr<ProcessFlags>>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"migrate",
         "Apply the steps of the store's schema that are missing.",
         {"servo migrate --dry-run",
          "SERVO_DATABASE_URL=postgresql://db/servo servo migrate",
          "servo migrate --show-sql > steps.sql"},
         "All steps or none, under a lock, so that several may be started at once. A SQLite store "
         "is "
         "migrated by its server, too; a server on PostgreSQL refuses a database that lacks a "
         "step. "
         "Exit code 1 with --dry-run when there is something to do; 10 when the database needs a "
         "newer servo."},
        [args, flags](Session& session) { return migrate(session, **flags, *args); }
    );
    *flags = add_store_flags(*verb);
    switch_flag(*verb, "--dry-run", args->dry_run, "Only say which steps are missing.");
    switch_flag(
        *verb,
        "--show-sql",
        args->show_sql,
        "Print a script of the missing steps for psql or sqlite3, to be applied by hand."
    );
}

}  // namespace servo::cli
