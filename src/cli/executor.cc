#include <sstream>

#include "base/text.h"
#include "cli/groups.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

std::string labels_text(const api::Executor& executor) {
    std::vector<std::string> parts;
    for (const auto& [name, value] : executor.labels) {
        parts.push_back(name + "=" + value);
    }
    return join(parts, ",");
}

Table executor_table(const std::vector<api::Executor>& items, Instant now) {
    Table table(
        {{"EXECUTOR"},
         {"STATE"},
         {"SLOTS", Align::kRight},
         {"BUSY", Align::kRight},
         {"SEEN", Align::kRight},
         {"HOST"},
         {"BUILD"},
         {"LABELS", Align::kLeft, true},
         {"REGISTERED", Align::kLeft, true}}
    );
    for (const api::Executor& one : items) {
        table.add(
            {one.name,
             Cell(one.state, tone_of_state(one.state)),
             std::to_string(one.slots),
             std::to_string(one.busy),
             one.last_seen_at ? span(*one.last_seen_at, now) : "never",
             one.host,
             one.build,
             labels_text(one),
             when(one.registered_at)}
        );
    }
    return table;
}

void print_executors(
    Session& session, const std::vector<api::Executor>& items, std::string empty_note
) {
    ListDocument document{
        {}, std::nullopt, executor_table(items, session.now()), {}, std::move(empty_note)};
    for (const api::Executor& one : items) {
        document.items.push_back(api::to_json(one));
        document.names.push_back(one.name);
    }
    session.output().list(document);
}

Result<int> list(Session& session, const std::vector<std::string>& states) {
    client::Client* client = SERVO_TRY(session.client());
    const api::List<api::Executor> found =
        SERVO_TRY(client->list_executors(join(comma_words(states), ",")));
    print_executors(session, found.items, "no executors fit; start one with `servo executor`");
    return kOk;
}

Result<int> show(Session& session, const std::string& name) {
    client::Client* client = SERVO_TRY(session.client());
    const api::Executor one = SERVO_TRY(client->get_executor(name));
    Facts facts;
    facts.add("executor", one.name);
    facts.add("state", Cell(one.state, tone_of_state(one.state)));
    facts.add("slots", std::to_string(one.busy) + " of " + std::to_string(one.slots) + " busy");
    facts.add("seen", one.last_seen_at ? span(*one.last_seen_at, session.now()) + " ago" : "never");
    facts.add("host", one.host);
    facts.add("build", one.build);
    facts.add("labels", labels_text(one));
    facts.add("registered", when(one.registered_at));
    std::string times;
    for (const auto& [state, ms] : one.slot_ms) {
        times += (times.empty() ? "" : ", ") + state + ' ' + human_duration(Millis(ms));
    }
    facts.add("slot time", times);
    std::ostringstream text;
    facts.print(text, session.output().colour_out());
    session.output().thing({api::to_json(one), one.name, text.str()});
    return kOk;
}

struct DrainArgs {
    std::vector<std::string> names;
    std::string keep;
};

Result<int> drain(Session& session, const DrainArgs& args) {
    api::DrainRequest request{args.names, 0};
    if (!args.keep.empty()) {
        request.keep = SERVO_TRY(flag_number("--keep", args.keep, 1, 1'000'000));
    }
    if (request.executors.empty() == (request.keep == 0)) {
        return fail(invalid_argument(
            "usage",
            "servo executor drain: give names, or --keep N to drain the idlest until N are left."
        ));
    }
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    const api::DrainReply reply = SERVO_TRY(client->drain_executors(request));
    print_executors(session, reply.items, "nothing to drain: it already is so");
    return kOk;
}

Result<int> undrain(Session& session, const std::vector<std::string>& names) {
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    const api::DrainReply reply = SERVO_TRY(client->undrain_executors({names, 0}));
    print_executors(session, reply.items, "nothing to undrain: it already is so");
    return kOk;
}

void add_drain(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<DrainArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"drain",
         "Let executors finish what they run and take nothing new; they stay up.",
         {"servo executor drain worker-7", "servo executor drain --keep 3"},
         ""},
        [args](Session& session) { return drain(session, *args); }
    );
    arguments(*verb, "executor", args->names, "Names of executors.");
    value_flag(*verb, "--keep", args->keep, "N", "Instead of names: the idlest, until N are left.");
    auto names = std::make_shared<std::vector<std::string>>();
    CLI::App* back = commands.verb(
        group,
        {"undrain",
         "Take drained executors back into service.",
         {"servo executor undrain worker-7"},
         ""},
        [names](Session& session) { return undrain(session, *names); }
    );
    arguments(*back, "executor", *names, "Names of executors.")->required();
}

}  // namespace

void add_executor_commands(Commands& commands) {
    CLI::App* group = add_executor_process(
        commands,
        {"executor",
         "Run an executor; or list, drain and undrain executors.",
         {"servo executor --server http://servo.internal:7420 --slots 8",
          "servo executor list",
          "servo executor drain --keep 3"},
         "Without a command it runs an executor until SIGTERM, which drains it."}
    );
    auto states = std::make_shared<std::vector<std::string>>();
    CLI::App* listed = commands.verb(
        *group,
        {"list",
         "List executors: slots, load, when they were last seen.",
         {"servo executor list"},
         ""},
        [states](Session& session) { return list(session, *states); }
    );
    list_flag(*listed, "--status,--state", *states, "STATES", "up, draining, drained, lost.");
    auto name = std::make_shared<std::string>();
    CLI::App* shown = commands.verb(
        *group,
        {"show", "Show one executor.", {"servo executor show worker-7"}, ""},
        [name](Session& session) { return show(session, *name); }
    );
    argument(*shown, "executor", *name, "Name of the executor.")->required();
    add_drain(commands, *group);
}

}  // namespace servo::cli
