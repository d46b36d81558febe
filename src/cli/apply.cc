#include "base/text.h"
#include "cli/apply_files.h"
#include "cli/groups.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

struct ApplyArgs {
    std::vector<std::string> files;
    bool dry_run = false;
    bool prune = false;
    bool yes = false;
};

std::string reply_name(const api::ApplyReply& reply) {
    std::vector<std::string> names;
    for (const api::AppliedAsset& asset : reply.assets) {
        names.push_back(asset.name);
    }
    return join(names, "\n");
}

// Pruning archives: what it would archive is shown, then confirmed.
Result<bool> prune_confirmed(
    Session& session, client::Client& client, api::ApplyRequest request, bool yes
) {
    request.dry_run = true;
    const api::ApplyReply preview = SERVO_TRY(client.apply(request, ""));
    std::vector<std::string> archived;
    for (const api::AppliedAsset& asset : preview.assets) {
        if (asset.action == "archived") {
            archived.push_back(asset.name + " of " + asset.tenant_id);
        }
    }
    if (archived.empty()) {
        return true;
    }
    return session.confirm(
        "This archives " + counted(archived.size(), "asset", "assets") + ": " +
            join(archived, ", ") + ".",
        yes
    );
}

Result<int> apply(Session& session, const ApplyArgs& args) {
    api::ApplyRequest request;
    request.files = SERVO_TRY(read_apply_files(session.environment(), args.files));
    request.prune = args.prune;
    client::Client* client = SERVO_TRY(session.client());
    if (!client->tenant().empty()) {
        request.tenant = client->tenant();
    }
    if (!args.dry_run) {
        SERVO_CHECK(session.echo_change());
        if (args.prune && !SERVO_TRY(prune_confirmed(session, *client, request, args.yes))) {
            session.output().warn("nothing was applied");
            return kFailed;
        }
    }
    request.dry_run = args.dry_run;
    const api::ApplyReply reply =
        SERVO_TRY(client->apply(request, args.dry_run ? "" : client::new_idempotency_key()));
    session.output().thing(
        {api::to_json(reply),
         reply_name(reply),
         describe_apply(reply, session.output().colour_out())}
    );
    return args.dry_run && reply.changed ? kFailed : kOk;
}

}  // namespace

void add_apply_commands(Commands& commands) {
    add_init_command(commands);
    auto args = std::make_shared<ApplyArgs>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"apply",
         "Apply asset files: all of them or none. Never removes, except with --prune.",
         {"servo apply -f servo.yaml",
          "servo apply -f assets/ --dry-run",
          "cat servo.yaml | servo apply -f -"},
         "Relative paths in a file count from its folder. --dry-run shows what would change and "
         "exits with "
         "1 if something would. Overrides made with `set` stay in force."},
        [args](Session& session) { return apply(session, *args); }
    );
    list_flag(
        *verb,
        "-f,--file",
        args->files,
        "FILE",
        "A file, a folder (its *.yaml and *.yml, not those of folders within), or - for stdin; "
        "repeatable."
    )
        ->required();
    switch_flag(
        *verb, "--dry-run", args->dry_run, "Show what would change; exit 1 if something would."
    );
    switch_flag(
        *verb,
        "--prune",
        args->prune,
        "Archive the named tenants' assets that no file names; asks first."
    );
    switch_flag(*verb, "-y,--yes", args->yes, "Do not ask.");
}

}  // namespace servo::cli
