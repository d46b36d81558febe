#include <fmt/format.h>

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

std::string share(const std::optional<double>& value) {
    return value ? fmt::format("{:.0f}%", *value * 100) : "";
}

std::string memory_share(const api::ExecutorHealth& health) {
    if (!health.memory_bytes || health.memory_limit_bytes.value_or(0) <= 0) {
        return "";
    }
    return share(
        static_cast<double>(*health.memory_bytes) / static_cast<double>(*health.memory_limit_bytes)
    );
}

// "a of b"; empty when the figure is not known.
std::string of(const std::string& part, const std::string& whole) {
    return part.empty() || whole.empty() ? part : part + " of " + whole;
}

void add_health(Facts& facts, const api::ExecutorHealth& health, Instant now) {
    facts.add("health", "told " + span(health.as_of, now) + " ago");
    if (health.process_started_at) {
        facts.add(
            "process",
            fmt::format("{}, up {}", health.pid, span(*health.process_started_at, health.as_of))
        );
    }
    std::string cpu = of(share(health.cpu_share), fmt::format("{:.4g} processors", health.cpus));
    if (health.cpu_throttled_share) {
        cpu += ", throttled in " + share(health.cpu_throttled_share) + " of the periods";
    }
    facts.add("cpu", cpu);
    facts.add("memory", of(bytes(health.memory_bytes), bytes(health.memory_limit_bytes)));
    if (!health.memory_limits_by.empty()) {
        const std::string note = health.memory_limits_note;
        facts.add(
            "memory limits", "by " + health.memory_limits_by + (note.empty() ? "" : ": " + note)
        );
    }
    const std::vector<std::pair<std::string, std::optional<double>>> pressures = {
        {"cpu", health.cpu_pressure},
        {"memory", health.memory_pressure},
        {"io", health.io_pressure}};
    std::vector<std::string> waited;
    for (const auto& [name, pressure] : pressures) {
        if (pressure) {
            waited.push_back(name + " " + share(pressure));
        }
    }
    facts.add("pressure", join(waited, ", "));
    facts.add("disk free", of(bytes(health.disk_free_bytes), bytes(health.disk_bytes)));
    facts.add("slots ready", std::to_string(health.slots_ready));
    std::vector<std::string> lines;
    for (const api::StuckSlot& slot : health.stuck) {
        lines.push_back(fmt::format(
            "slot {}, {} for {}: {}",
            slot.slot,
            slot.reason,
            span(slot.since, now),
            slot.backfill_id
        ));
    }
    facts.add("stuck", Cell(join(lines, "\n"), Tone::kBad));
    lines.clear();
    for (const api::ExecutorError& error : health.errors) {
        lines.push_back(when(error.at) + "  " + error.message);
    }
    facts.add("errors", join(lines, "\n"));
}

Table executor_table(const std::vector<api::Executor>& items, Instant now) {
    Table table(
        {{"EXECUTOR"},
         {"STATE"},
         {"SLOTS", Align::kRight},
         {"BUSY", Align::kRight},
         {"CPU", Align::kRight},
         {"MEMORY", Align::kRight},
         {"DISK FREE", Align::kRight},
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
             one.health ? share(one.health->cpu_share) : "",
             one.health ? memory_share(*one.health) : "",
             one.health ? bytes(one.health->disk_free_bytes) : "",
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
    if (one.health) {
        add_health(facts, *one.health, session.now());
    }
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
         "List executors: state, slots, load, when they were last seen.",
         {"servo executor list", "servo executor list --status lost,left"},
         "An executor that ended in order has left, and so has one that was lost for more than a "
         "day; those are kept by name for a month."},
        [states](Session& session) { return list(session, *states); }
    );
    list_flag(
        *listed,
        "--status,--state",
        *states,
        "STATES",
        "up, stuck, draining, drained, lost, left; without it all but left."
    );
    auto name = std::make_shared<std::string>();
    CLI::App* shown = commands.verb(
        *group,
        {"show",
         "Show one executor: health of its machine, stuck slots, last errors.",
         {"servo executor show worker-7"},
         ""},
        [name](Session& session) { return show(session, *name); }
    );
    argument(*shown, "executor", *name, "Name of the executor.")->required();
    add_drain(commands, *group);
}

}  // namespace servo::cli
