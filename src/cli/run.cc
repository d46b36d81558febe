#include "cli/run.h"

#include <algorithm>
#include <exception>
#include <ostream>

#include "base/suggest.h"
#include "cli/groups.h"
#include "cli/version.h"

namespace servo::cli {
namespace {

struct Tree {
    Tree()
        : root("Servo re-processes history: backfills over partitions, for many tenants.", "servo"),
          commands(root) {}
    CLI::App root;
    Commands commands;
    GlobalFlags flags;
    bool version = false;
};

const CLI::App* any(const CLI::App* app) {
    return app;
}

void limit_to_one_verb(CLI::App& app) {
    for (CLI::App* sub : app.get_subcommands([](CLI::App* one) { return any(one) != nullptr; })) {
        limit_to_one_verb(*sub);
    }
    app.require_subcommand(0, 1);
}

void add_tls_flags(CLI::App& root, GlobalFlags& flags) {
    value_flag(
        root,
        "--ca-file",
        flags.ca_file,
        "FILE",
        "Authority that signed the server's certificate. Otherwise SERVO_CA_FILE, the system's."
    );
    value_flag(
        root,
        "--client-cert",
        flags.client_cert,
        "FILE",
        "Certificate to show to the server. Otherwise SERVO_CLIENT_CERT, the context's."
    );
    value_flag(
        root,
        "--client-key",
        flags.client_key,
        "FILE",
        "Its private key. Otherwise SERVO_CLIENT_KEY, the context's."
    );
}

void build(Tree& tree) {
    CLI::App& root = tree.root;
    root.set_help_flag("-h,--help", "This text, or that of the verb before it.");
    value_flag(
        root,
        "--server",
        tree.flags.server,
        "URL",
        "The server. Otherwise SERVO_SERVER, the context, http://127.0.0.1:7420."
    );
    value_flag(
        root,
        "--tenant",
        tree.flags.tenant,
        "NAME",
        "The tenant. Otherwise SERVO_TENANT, the context, the server's default."
    );
    value_flag(
        root,
        "--context",
        tree.flags.context,
        "NAME",
        "A named server (`servo context list`). Otherwise SERVO_CONTEXT, the current one."
    );
    add_tls_flags(root, tree.flags);
    value_flag(
        root, "-o,--output", tree.flags.output, "FORM", "table, wide, json, jsonl, yaml or name."
    );
    switch_flag(root, "-q,--quiet", tree.flags.quiet, "No echoes or progress on stderr.");
    switch_flag(root, "--no-input", tree.flags.no_input, "Never ask; fail instead.");
    switch_flag(root, "--no-color", tree.flags.no_color, "No colours (NO_COLOR does the same).");
    root.add_flag("-V,--version", tree.version, "The version of this program.");

    Commands& commands = tree.commands;
    commands.examples_of_root(
        {"servo init && servo dev -f servo.yaml",
         "servo backfill start orders --start 2024-01-01 --end 2024-01-31",
         "servo backfill list --status running",
         "servo status --by tenant"}
    );
    add_apply_commands(commands);
    add_backfill_commands(commands);
    add_partition_commands(commands);
    add_asset_commands(commands);
    add_pool_commands(commands);
    add_tenant_commands(commands);
    add_executor_commands(commands);
    add_token_commands(commands);
    add_status_command(commands);
    add_event_command(commands);
    add_process_commands(commands);
    add_report_command(commands);
    add_loadtest_command(commands);
    add_local_commands(commands);
    add_migrate(commands);
    add_context_commands(commands);
    add_config_commands(commands);
    add_support_commands(commands);
    add_reserved_commands(commands);
    limit_to_one_verb(root);
}

std::vector<std::string> flag_names(const CLI::App& app, const CLI::App& root) {
    std::vector<std::string> names;
    for (const CLI::App* at : {&app, &root}) {
        for (const CLI::Option* option : at->get_options()) {
            for (const std::string& name : option->get_lnames()) {
                names.push_back("--" + name);
            }
        }
    }
    return names;
}

std::vector<std::string> verb_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(sub->get_name());
    }
    return names;
}

Error usage(const CLI::App& app, const std::string& message) {
    return invalid_argument(
        "usage", full_name(&app) + ": " + message + " See `" + full_name(&app) + " --help`."
    );
}

// Words that no verb took.
Error unknown_words(CLI::App& root, const std::vector<std::string>& words) {
    CLI::App& app = *deepest(root);
    const std::string& word = words.front();
    if (word.starts_with("-") && word != "-") {
        const std::string name = word.substr(0, word.find('='));
        return usage(
            app, "there is no flag " + name + "." + did_you_mean(name, flag_names(app, root))
        );
    }
    const std::vector<std::string> verbs = verb_names(app);
    if (!verbs.empty()) {
        return usage(app, "there is no command \"" + word + "\"." + did_you_mean(word, verbs));
    }
    return usage(app, "\"" + word + "\" is one word too many.");
}

// The first of the words that is a flag with nothing after its "=": CLI11 would take the next word
// as its value.
const std::string* flag_without_value(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        if (word == "--") {
            return nullptr;
        }
        if (word.starts_with("--") && word.find('=') == word.size() - 1) {
            return &word;
        }
    }
    return nullptr;
}

Error parse_error(CLI::App& root, const CLI::ParseError& error) {
    std::string message = error.what();
    if (!message.empty() && message.back() != '.') {
        message += '.';
    }
    return usage(*deepest(root), message);
}

Result<OutputOptions> output_options(const GlobalFlags& flags, const Environment& environment) {
    OutputOptions options;
    if (!flags.output.empty()) {
        options.format = SERVO_TRY(format_from(flags.output));
        options.format_given = true;
    }
    const bool dumb = environment.variable("TERM").value_or("") == "dumb";
    const bool no_color =
        flags.no_color || dumb || !environment.variable("NO_COLOR").value_or("").empty();
    options.colour_out = environment.out_is_terminal && !no_color;
    options.colour_err = environment.err_is_terminal && !no_color;
    options.quiet = flags.quiet;
    return options;
}

int say(const Environment& environment, const Error& error) {
    // Of a wrong command line the message begins with the command itself.
    const bool names_command = error.reason == "usage" && error.message.starts_with("servo");
    *environment.err << (names_command ? "" : "servo: ") << printable(describe(error)) << '\n'
                     << std::flush;
    return exit_code_of(error);
}

int run_parsed(
    Tree& tree, const Environment& environment, LocalStore* store, Processes* processes
) {
    CLI::App* app = deepest(tree.root);
    if (tree.version) {
        *environment.out << "servo " << SERVO_VERSION << '\n' << std::flush;
        return kOk;
    }
    const Handler* handler = tree.commands.handler(app);
    if (handler == nullptr) {
        *environment.err << tree.commands.help(app) << std::flush;
        return kUsage;
    }
    const auto options = output_options(tree.flags, environment);
    if (!options) {
        return say(environment, options.error());
    }
    Session session(environment, tree.flags, *options, store, processes);
    const Result<int> code = (*handler)(session);
    return code ? *code : say(environment, code.error());
}

}  // namespace

namespace {

enum class Asked { kCommand, kHelp };

Result<Asked> parse(Tree& tree, const std::vector<std::string>& arguments) {
    if (const std::string* flag = flag_without_value(arguments)) {
        return fail(
            invalid_argument("usage", *flag + " has no value; give it one, or leave it out.")
        );
    }
    build(tree);
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        tree.root.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        return Asked::kHelp;
    } catch (const CLI::ExtrasError& error) {
        const std::vector<std::string> words = tree.root.remaining(true);
        return fail(
            words.empty() ? parse_error(tree.root, error) : unknown_words(tree.root, words)
        );
    } catch (const CLI::ParseError& error) {
        return fail(parse_error(tree.root, error));
    } catch (const std::exception& error) {
        return fail(internal("cli_failed", std::string("The command line: ") + error.what()));
    }
    const std::string reserved = tree.commands.reserved_use(deepest(tree.root));
    if (!reserved.empty() && !tree.version) {
        return fail(
            invalid_argument("not_in_this_version", "`" + reserved + "` is not in this version.")
        );
    }
    return Asked::kCommand;
}

int run_words(
    const std::vector<std::string>& arguments,
    const Environment& environment,
    LocalStore* store,
    Processes* processes
) {
    Tree tree;
    const Result<Asked> asked = parse(tree, arguments);
    if (!asked) {
        return say(environment, asked.error());
    }
    if (*asked == Asked::kHelp) {
        *environment.out << tree.commands.help(deepest(tree.root)) << std::flush;
        return kOk;
    }
    return run_parsed(tree, environment, store, processes);
}

}  // namespace

int run(
    const std::vector<std::string>& arguments,
    const Environment& environment,
    LocalStore* store,
    Processes* processes
) {
    const int code = run_words(arguments, environment, store, processes);
    if (environment.out->flush()) {
        return code;
    }
    const int lost = say(
        environment,
        internal(
            "output_lost",
            "Standard output cannot be written (a full disk, or closed), so what was printed is "
            "not "
            "complete. What the command changed stands; a token is to be revoked and made again."
        )
    );
    return code == kOk ? lost : code;
}

Status check_command(const std::vector<std::string>& arguments) {
    Tree tree;
    SERVO_TRY(parse(tree, arguments));
    const CLI::App* app = deepest(tree.root);
    if (tree.commands.handler(app) == nullptr) {
        return fail(usage(*app, "which command?"));
    }
    return {};
}

std::string help_of(const std::string& verb) {
    Tree tree;
    build(tree);
    const CLI::App* app = &tree.root;
    for (size_t from = 0; from < verb.size();) {
        const size_t end = std::min(verb.find(' ', from), verb.size());
        app = app->get_subcommand(verb.substr(from, end - from));
        from = end + 1;
    }
    return tree.commands.help(app);
}

std::vector<std::string> all_verbs() {
    Tree tree;
    build(tree);
    return tree.commands.visible();
}

}  // namespace servo::cli
