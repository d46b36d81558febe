#include "model/token.h"

#include <sstream>

#include "cli/groups.h"
#include "cli/local_store.h"
#include "cli/store_place.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

struct CreateArgs {
    std::string role;
    std::string note;
    std::string lives_for;
    std::vector<std::string> labels;  // name=value
    bool new_tenant = false;
    bool offline = false;
    std::shared_ptr<ProcessFlags> store;

    // Naming a store says as much.
    bool is_offline() const {
        return offline || !store->typed.at("data_dir").empty() ||
               !store->typed.at("database_url").empty();
    }
};

// The text alone on stdout, so that it can be caught in a file; the rest on stderr.
void print_new(Session& session, const api::NewToken& made) {
    session.output().note(
        "token " + made.token.id + ", role " + made.token.role +
        (made.token.tenant_id ? " of tenant " + *made.token.tenant_id : "") +
        (made.token.labels.empty() ? "" : ", labels " + model::to_text(made.token.labels)) +
        (made.token.expires_at ? ", until " + when(made.token.expires_at) : "") +
        "; it is shown this once"
    );
    // With -o name, too: the id can be looked up, the text never again.
    session.output().thing({api::to_json(made), made.text, made.text + "\n"});
}

// Where no server runs: the first admin token.
Result<int> create_offline(Session& session, const CreateArgs& args) {
    if (args.role != "admin" || !args.lives_for.empty() || !args.labels.empty() ||
        args.new_tenant) {
        return fail(invalid_argument(
            "usage",
            "Offline only a lasting token of role admin is made; make others with it through the "
            "server."
        ));
    }
    if (session.local_store() == nullptr) {
        return fail(failed_precondition("no_local_store", "This build has no store in it."));
    }
    api::NewToken made;
    made.token.role = args.role;
    const StorePlace place = SERVO_TRY(store_place(session.environment(), *args.store));
    made.text = SERVO_TRY(
        session.local_store()->create_admin_token(place, args.note, session.actor(), session.now())
    );
    const auto parsed = model::parse_token(made.text);
    made.token.id = parsed ? parsed->id : "";
    made.token.note = args.note;
    made.token.state = "active";
    made.token.created_at = session.now();
    made.token.created_by = session.actor();
    print_new(session, made);
    return kOk;
}

Result<int> create(Session& session, const CreateArgs& args) {
    if (args.is_offline()) {
        return create_offline(session, args);
    }
    api::CreateTokenRequest request;
    request.role = args.role;
    request.note = args.note;
    request.lives_for = args.lives_for;
    request.labels = SERVO_TRY(labels_of(args.labels));
    // A role that is of no tenant is not told the context's; a typed one is refused with a reason.
    const auto role = model::token_role_from(args.role);
    const bool of_none = role && !model::may_have_tenant(*role);
    request.tenant =
        of_none ? session.flags().tenant : SERVO_TRY(session.connection())->tenant.value;
    request.new_tenant = args.new_tenant;
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    print_new(session, SERVO_TRY(client->create_token(request)));
    return kOk;
}

Result<int> list(Session& session) {
    client::Client* client = SERVO_TRY(session.client());
    api::List<api::Token> tokens = SERVO_TRY(client->list_tokens());
    const std::string& tenant = session.flags().tenant;
    std::erase_if(tokens.items, [&tenant](const api::Token& token) {
        return !tenant.empty() && token.tenant_id != tenant;
    });
    ListDocument document{
        {},
        std::nullopt,
        Table(
            {{"TOKEN"},
             {"ROLE"},
             {"TENANT"},
             {"STATE"},
             {"CREATED"},
             {"EXPIRES"},
             {"LABELS"},
             {"NOTE"},
             {"CREATED BY", Align::kLeft, true}}
        ),
        {},
        tenant.empty() ? "no tokens; make one with: servo token create --role admin"
                       : "no tokens of tenant " + tenant};
    for (const api::Token& token : tokens.items) {
        document.items.push_back(api::to_json(token));
        document.names.push_back(token.id);
        document.table.add(
            {token.id,
             token.role,
             token.tenant_id.value_or("-"),
             Cell(token.state, token.state == "active" ? Tone::kGood : Tone::kDim),
             when(token.created_at),
             token.expires_at ? when(token.expires_at) : "never",
             model::to_text(token.labels),
             token.note,
             token.created_by}
        );
    }
    session.output().list(document);
    return kOk;
}

struct EndArgs {
    std::string id;
    std::string reason;
    std::string overlap;
    std::string lives_for;
};

Result<int> revoke(Session& session, const EndArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    const api::Changed reply = SERVO_TRY(client->revoke_token(args.id, {args.reason}));
    session.output().thing(
        {api::to_json(reply),
         args.id,
         "token " + args.id + (reply.changed ? " revoked\n" : ": already so\n")}
    );
    return kOk;
}

Result<int> rotate(Session& session, const EndArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    print_new(session, SERVO_TRY(client->rotate_token(args.id, {args.overlap, args.lives_for})));
    return kOk;
}

void add_create(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<CreateArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"create",
         "Make a token and print it, this once.",
         {"servo token create --role admin --offline > admin.token",
          "servo token create --role tenant-admin --tenant acme --new-tenant --note \"ann\"",
          "servo token create --role executor --label zone=eu --note fleet-eu --for 90d"},
         "Roles: admin may everything; tenant-admin and tenant-read may all, or only look, within "
         "--tenant; executor runs work, of --tenant alone where one is given, under --label alone "
         "where any is given; metrics reads metrics. With --offline "
         "the first admin token is made in the store itself (--data-dir, --database-url, --config, "
         "SERVO_DATABASE_URL) while no server runs on it. Once there was an admin token, nobody "
         "gets "
         "in without one."},
        [args](Session& session) { return create(session, *args); }
    );
    value_flag(
        *verb, "--role", args->role, "ROLE", "admin, tenant-admin, tenant-read, executor, metrics."
    )
        ->required();
    list_flag(
        *verb,
        "--label",
        args->labels,
        "NAME=VALUE",
        "Of executor: a label that it may register with; repeatable. None: any."
    );
    switch_flag(
        *verb, "--new-tenant", args->new_tenant, "Make the tenant, too, when there is none yet."
    );
    value_flag(*verb, "--note", args->note, "TEXT", "Whose it is and what for.");
    value_flag(*verb, "--for", args->lives_for, "TIME", "How long it lives; otherwise for ever.");
    switch_flag(
        *verb, "--offline", args->offline, "Make an admin token in the store, where no server runs."
    );
    args->store = add_store_flags(*verb);
}

}  // namespace

void add_token_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"token",
         "Tokens of users and executors (admin).",
         {"servo token create --role tenant-admin --tenant acme", "servo token list"},
         ""}
    );
    add_create(commands, *group);
    commands.verb(
        *group,
        {"list",
         "List tokens: roles, tenants, ends. Never their text.",
         {"servo token list", "servo token list --tenant acme"},
         ""},
        list
    );
    auto ended = std::make_shared<EndArgs>();
    CLI::App* revoke_verb = commands.verb(
        *group,
        {"revoke",
         "End a token within a second.",
         {"servo token revoke k3jq7m2pa5xw --reason \"laptop lost\""},
         ""},
        [ended](Session& session) { return revoke(session, *ended); }
    );
    argument(*revoke_verb, "token", ended->id, "Id of the token (`servo token list`).")->required();
    value_flag(*revoke_verb, "--reason", ended->reason, "TEXT", "Why; kept in the audit trail.");
    auto turned = std::make_shared<EndArgs>();
    CLI::App* rotate_verb = commands.verb(
        *group,
        {"rotate",
         "Make a token that replaces one; both are good for a while.",
         {"servo token rotate k3jq7m2pa5xw --overlap 1h > executor.token"},
         "Executors take the new one when they are started again."},
        [turned](Session& session) { return rotate(session, *turned); }
    );
    argument(*rotate_verb, "token", turned->id, "Id of the token (`servo token list`).")
        ->required();
    value_flag(
        *rotate_verb, "--overlap", turned->overlap, "TIME", "How long the old one stays good (24h)."
    );
    value_flag(
        *rotate_verb,
        "--for",
        turned->lives_for,
        "TIME",
        "How long the new one lives; otherwise "
        "for ever."
    );
}

}  // namespace servo::cli
