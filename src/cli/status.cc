#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <sstream>

#include "base/rfc3339.h"
#include "base/text.h"
#include "cli/follow.h"
#include "cli/groups.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

struct StatusArgs {
    std::string by;
    bool watch = false;
};

std::string backfills_text(const api::SystemStatus& status) {
    std::vector<std::string> parts;
    for (const auto& [state, number] : status.backfills) {
        if (number > 0) {
            parts.push_back(count(static_cast<uint64_t>(number)) + ' ' + state);
        }
    }
    return parts.empty() ? "none open" : join(parts, ", ");
}

std::string leader_text(const api::SystemStatus& status) {
    if (status.leader.empty()) {
        return "";
    }
    std::string text = status.leader + ", epoch " + std::to_string(status.epoch);
    text += status.leader_since ? ", since " + format_rfc3339(*status.leader_since) : "";
    return text + (status.leader_url.empty() ? "" : ", at " + status.leader_url);
}

std::string slots(const std::optional<api::TimeSpent>& time, double api::TimeSpent::*member) {
    return time ? fmt::format("{:.1f}", (*time).*member) : "-";
}

Table groups_table(const api::SystemStatus& status) {
    std::string title = status.by;
    std::transform(title.begin(), title.end(), title.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    Table table(
        {{title},
         {"OPEN", Align::kRight},
         {"RUNNING", Align::kRight},
         {"PENDING", Align::kRight},
         {"SLOTS", Align::kRight},
         {"RATE", Align::kRight},
         {"BEFORE", Align::kRight},
         {"FAILED", Align::kRight},
         {"LOST", Align::kRight},
         {"LOST BEFORE", Align::kRight, true},
         {"EARNED", Align::kRight, true},
         {"EARNED BEFORE", Align::kRight, true},
         {"LOST TO"},
         {"BUSY WITH"}}
    );
    for (const api::StatusGroup& group : status.groups) {
        const double failed = group.time ? group.time->failed_per_second : 0;
        table.add(
            {group.name,
             std::to_string(group.open_backfills),
             count(group.running_partitions),
             count(group.pending_partitions),
             std::to_string(group.slots),
             rate(group.partitions_per_second),
             rate(group.partitions_per_second_before),
             Cell(rate(failed), failed > 0 ? Tone::kBad : Tone::kPlain),
             slots(group.time, &api::TimeSpent::lost_slots),
             slots(group.time_before, &api::TimeSpent::lost_slots),
             slots(group.time, &api::TimeSpent::earned_slots),
             slots(group.time_before, &api::TimeSpent::earned_slots),
             group.time ? group.time->lost_to : "",
             phase_shares(group.time)}
        );
    }
    return table;
}

std::string status_text(const api::SystemStatus& status, Instant now, bool wide, bool colour) {
    std::ostringstream out;
    Facts facts;
    facts.add("server", Cell(status.state, tone_of_state(status.state)));
    facts.add("version", status.version);
    facts.add("leader", leader_text(status));
    facts.add("backfills", backfills_text(status));
    facts.add(
        "partitions",
        count(status.running_partitions) + " running, " + count(status.pending_partitions) +
            " pending"
    );
    facts.add(
        "rate",
        rate(status.partitions_per_second) + " now, " + rate(status.partitions_per_second_before) +
            " in the ten minutes before"
    );
    facts.add(
        "executors",
        Cell(executor_counts(status), status.executors_lost > 0 ? Tone::kBad : Tone::kPlain)
    );
    facts.add("slots", slot_counts(status));
    facts.add("slot time", slot_time(status.time));
    facts.add("busy", busy_time(status.time));
    facts.add("lost slots", lost_slots(status.time, status.time_before));
    facts.add("waiting", wait_reasons(status.waiting, now));
    std::string contacts;
    for (const auto& [team, who] : status.contacts) {
        contacts += (contacts.empty() ? "" : "\n") + team + ": " + who;
    }
    facts.add("contacts", contacts);
    facts.add("last error", Cell(status.last_error, Tone::kBad));
    facts.print(out, colour);
    if (status.by.empty()) {
        return out.str();
    }
    out << '\n';
    groups_table(status).print(out, wide, colour);
    return out.str();
}

Result<int> show(Session& session, client::Client& client, const StatusArgs& args) {
    const api::SystemStatus status = SERVO_TRY(client.get_status(args.by));
    const bool wide = session.output().format() == Format::kWide;
    std::vector<std::string> groups;
    for (const api::StatusGroup& group : status.groups) {
        groups.push_back(group.name);
    }
    session.output().thing(
        {api::to_json(status),
         args.by.empty() ? status.state : join(groups, "\n"),
         status_text(status, session.now(), wide, session.output().colour_out())}
    );
    return kOk;
}

Result<int> status(Session& session, const StatusArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    if (!args.watch) {
        return show(session, *client, args);
    }
    const bool redraw = session.environment().out_is_terminal && session.output().for_people();
    return poll_until(
        session,
        "servo status " + (args.by.empty() ? "" : "--by " + args.by + " ") + "--watch" +
            session.tenant_flag(),
        std::nullopt,
        [&]() -> Result<std::optional<int>> {
            if (redraw) {
                session.output().out() << "\x1b[H\x1b[2J";
            }
            SERVO_CHECK(show(session, *client, args));
            return std::optional<int>();
        }
    );
}

}  // namespace

void add_status_command(Commands& commands) {
    auto args = std::make_shared<StatusArgs>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"status",
         "Show the installation at a glance; with --by also per tenant, asset, executor or pool.",
         {"servo status", "servo status --by tenant --watch"},
         ""},
        [args](Session& session) { return status(session, *args); }
    );
    value_flag(*verb, "--by", args->by, "WHAT", "tenant, asset, executor or pool.");
    switch_flag(*verb, "-w,--watch", args->watch, "Keep showing it; Ctrl-C ends it with 130.");
}

}  // namespace servo::cli
