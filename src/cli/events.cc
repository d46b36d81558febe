// servo events.
#include "base/text.h"
#include "cli/groups.h"
#include "cli/pages.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr int64_t kListLimitMax = 10'000;

struct EventArgs {
    std::string since = "24h";
    std::string subject;
    std::string limit = "50";
};

Result<int> events(Session& session, const EventArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    const int64_t limit = SERVO_TRY(flag_number("--limit", args.limit, 1, kListLimitMax));
    const api::List<api::Event> found = SERVO_TRY(collect_pages<api::Event>(
        client::EventQuery{args.since, args.subject},
        static_cast<size_t>(limit),
        [client](const auto& query) { return client->list_events(query); }
    ));
    ListDocument document{
        {},
        found.next_page_token,
        Table({{"AT"}, {"TENANT"}, {"WHO"}, {"WHAT"}, {"SUBJECT"}, {"DETAIL"}}),
        {},
        "nothing happened " + (args.subject.empty() ? "" : "to " + args.subject + " ") + "since " +
            args.since};
    for (const api::Event& event : found.items) {
        document.items.push_back(api::to_json(event));
        document.names.push_back(event.subject);
        document.table.add(
            {when(event.at),
             event.tenant_id.value_or("-"),
             event.actor,
             event.kind,
             event.subject,
             event.detail}
        );
    }
    session.output().list(document);
    if (found.next_page_token) {
        session.output().note(
            "there are older ones; see them with --limit, or narrow with --since and --subject"
        );
    }
    return kOk;
}

}  // namespace

void add_event_command(Commands& commands) {
    auto args = std::make_shared<EventArgs>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"events",
         "List what happened, newest first: applies, sets, pauses, executors, pools, leader "
         "changes.",
         {"servo events --since 2h", "servo events --subject warehouse"},
         ""},
        [args](Session& session) { return events(session, *args); }
    );
    value_flag(*verb, "--since", args->since, "T", "An age (24h), a date or a time.");
    value_flag(
        *verb,
        "--subject",
        args->subject,
        "NAME",
        "Only about this: a backfill or group by its id or the beginning of it, an asset, pool, "
        "tenant, executor, server or token; tenant/name where several tenants have one."
    );
    value_flag(*verb, "--limit", args->limit, "N", "Most lines (50).");
}

}  // namespace servo::cli
