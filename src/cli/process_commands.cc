#include "cli/groups.h"
#include "cli/process_flags.h"

namespace servo::cli {
namespace {

using Run = Result<int> (Processes::*)(Session&, const ProcessRequest&);

Result<int> run_process(Session& session, const ProcessFlags& flags, Run run) {
    const ProcessRequest request = SERVO_TRY(resolve_process(session.environment(), flags));
    if (session.processes() == nullptr) {
        return fail(
            failed_precondition("no_processes", "This build has no server and executor in it.")
        );
    }
    return (session.processes()->*run)(session, request);
}

void add_dev(Commands& commands) {
    auto flags = std::make_shared<ProcessFlags>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"dev",
         "Run a server and an executor in one process on loopback; no set-up.",
         {"servo init && servo dev -f servo.yaml",
          "servo dev --data-dir /tmp/try --listen 127.0.0.1:7500"},
         "With -f the file is applied, and again each time it is saved. Ctrl-C or SIGTERM lets "
         "running "
         "partitions finish and stops; a second one stops at once. The store stays in --data-dir."},
        [flags](Session& session) { return run_process(session, *flags, &Processes::dev); }
    );
    value_flag(
        *verb,
        "-f,--file",
        flags->asset_file,
        "FILE",
        "Asset file or folder to apply, and again on each save."
    );
    add_process_flags(*verb, "", *flags);
}

void add_server(Commands& commands) {
    auto flags = std::make_shared<ProcessFlags>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"server",
         "Run a server: API, scheduler and store. Executors join it from elsewhere.",
         {"servo server --data-dir /var/lib/servo",
          "SERVO_DATABASE_URL=postgresql://servo@db/servo servo server",
          "servo server --config /etc/servo/server.yaml"},
         "With SERVO_ADMIN_TOKEN in its environment it asks for that token; executors may use "
         "SERVO_EXECUTOR_TOKEN instead. Commands and executors send theirs from SERVO_TOKEN."},
        [flags](Session& session) { return run_process(session, *flags, &Processes::server); }
    );
    add_process_flags(*verb, "server", *flags);
}

}  // namespace

void add_process_commands(Commands& commands) {
    add_dev(commands);
    add_server(commands);
}

CLI::App* add_executor_process(Commands& commands, const VerbText& text) {
    auto flags = std::make_shared<ProcessFlags>();
    CLI::App* verb = commands.verb(commands.root(), text, [flags](Session& session) {
        return run_process(session, *flags, &Processes::executor);
    });
    add_process_flags(*verb, "executor", *flags);
    return verb;
}

void add_reserved_commands(Commands& commands) {
    CLI::App& root = commands.root();
    commands.reserved_verb(
        root, "diagnose", "Walk the runbook: ranked causes of a fall in throughput."
    );
}

}  // namespace servo::cli
