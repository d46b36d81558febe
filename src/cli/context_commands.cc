#include <filesystem>

#include "base/suggest.h"
#include "cli/context.h"
#include "cli/groups.h"

namespace servo::cli {
namespace {

Result<ContextFile> load(Session& session) {
    return load_contexts(context_path(session.environment()));
}

boost::json::object context_json(const std::string& name, const Context& context, bool current) {
    return boost::json::object{
        {"name", name},
        {"current", current},
        {"server", context.server},
        {"tenant", context.tenant},
        {"token_file", context.token_file},
        {"ca_file", context.ca_file},
        {"client_cert", context.client_cert},
        {"client_key", context.client_key}};
}

Result<int> list(Session& session) {
    const ContextFile file = SERVO_TRY(load(session));
    ListDocument document{
        {},
        std::nullopt,
        Table({{"CONTEXT"}, {"SERVER"}, {"TENANT"}, {"CURRENT"}, {"TOKEN FILE", Align::kLeft, true}}
        ),
        {},
        "no contexts; make one with: servo context set NAME --server URL"};
    for (const auto& [name, context] : file.contexts) {
        const bool current = name == file.current;
        document.items.push_back(context_json(name, context, current));
        document.names.push_back(name);
        document.table.add(
            {name,
             context.server,
             context.tenant,
             Cell(current ? "current" : "", Tone::kGood),
             context.token_file}
        );
    }
    session.output().list(document);
    return kOk;
}

Error no_such_context(const ContextFile& file, const std::string& name) {
    std::vector<std::string> known;
    for (const auto& [other, unused] : file.contexts) {
        known.push_back(other);
    }
    return not_found(
        "no_such_context",
        "There is no context \"" + name + "\"." + did_you_mean(name, known) +
            " `servo context list` shows them."
    );
}

Result<int> use(Session& session, const std::string& name) {
    ContextFile file = SERVO_TRY(load(session));
    if (!file.contexts.contains(name)) {
        return fail(no_such_context(file, name));
    }
    file.current = name;
    SERVO_CHECK(save_contexts(context_path(session.environment()), file));
    session.output().note("context " + name + ": server " + file.contexts[name].server);
    return kOk;
}

Result<int> remove(Session& session, const std::string& name) {
    ContextFile file = SERVO_TRY(load(session));
    if (file.contexts.erase(name) == 0) {
        return fail(no_such_context(file, name));
    }
    if (file.current == name) {
        file.current.clear();
    }
    SERVO_CHECK(save_contexts(context_path(session.environment()), file));
    session.output().note("context " + name + " removed");
    return kOk;
}

// The context is used from any folder. `kept` where nothing was typed.
std::string absolute_or(const std::string& typed, const std::string& kept) {
    return typed.empty() ? kept : std::filesystem::absolute(typed).lexically_normal().string();
}

struct SetArgs {
    std::string name;
    std::string token_file;
};

// --server, --tenant, --ca-file and --client-… are the flags of every command.
Result<int> set(Session& session, const SetArgs& args) {
    ContextFile file = SERVO_TRY(load(session));
    const bool fresh = !file.contexts.contains(args.name);
    if (fresh && file.contexts.size() >= kContextsMax) {
        return fail(
            invalid_argument("too_many_contexts", "There are 200 contexts; remove one first.")
        );
    }
    const GlobalFlags& flags = session.flags();
    Context& context = file.contexts[args.name];
    if (!flags.server.empty()) {
        context.server = SERVO_TRY(client::check_server_url(flags.server));
    }
    if (context.server.empty()) {
        return fail(invalid_argument("usage", "A new context needs --server URL."));
    }
    context.tenant = flags.tenant.empty() ? context.tenant : flags.tenant;
    context.ca_file = absolute_or(flags.ca_file, context.ca_file);
    context.client_cert = absolute_or(flags.client_cert, context.client_cert);
    context.client_key = absolute_or(flags.client_key, context.client_key);
    context.token_file = absolute_or(args.token_file, context.token_file);
    if (file.current.empty()) {
        file.current = args.name;
    }
    const bool current = file.current == args.name;
    SERVO_CHECK(save_contexts(context_path(session.environment()), file));
    session.output().note(
        "context " + args.name + ": server " + context.server +
        (current ? "; it is the current one" : "; use it with: servo context use " + args.name)
    );
    return kOk;
}

void add_named(
    Commands& commands,
    CLI::App& group,
    const VerbText& text,
    Result<int> (*run)(Session&, const std::string&)
) {
    auto name = std::make_shared<std::string>();
    CLI::App* verb =
        commands.verb(group, text, [name, run](Session& session) { return run(session, *name); });
    argument(*verb, "name", *name, "Name of the context.")->required();
}

}  // namespace

void add_context_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"context",
         "Named servers, so that --server and --tenant need not be typed.",
         {"servo context set prod --server https://servo.example.com --tenant acme",
          "servo context use prod",
          "servo backfill list --context staging"},
         ""}
    );
    commands.verb(*group, {"list", "List contexts.", {"servo context list"}, ""}, list);
    add_named(
        commands,
        *group,
        {"use", "Make a context the current one.", {"servo context use prod"}, ""},
        use
    );
    auto args = std::make_shared<SetArgs>();
    CLI::App* verb = commands.verb(
        *group,
        {"set",
         "Make or change a context from --server, --tenant and --ca-file.",
         {"servo context set prod --server https://servo.example.com --tenant acme --token-file "
          "~/.servo-token"},
         ""},
        [args](Session& session) { return set(session, *args); }
    );
    argument(*verb, "name", args->name, "Name of the context.")->required();
    value_flag(
        *verb,
        "--token-file",
        args->token_file,
        "FILE",
        "Holds the token; the token itself is not kept."
    );
    add_named(
        commands, *group, {"remove", "Remove a context.", {"servo context remove old"}, ""}, remove
    );
}

}  // namespace servo::cli
