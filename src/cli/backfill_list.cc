#include <algorithm>

#include "base/text.h"
#include "cli/groups.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr int64_t kListLimitMax = 10'000;
constexpr size_t kMoreCountedMax = 2'000;

struct ListArgs {
    std::vector<std::string> status;
    std::string asset;
    std::string group;
    std::string since;
    std::string sort;
    std::string limit = "50";
};

bool is_set(const api::Backfill& job, std::string_view setting) {
    return std::any_of(
        job.temporary_settings.begin(),
        job.temporary_settings.end(),
        [&](const auto& one) { return one.setting == setting; }
    );
}

std::string temporary_names(const api::Backfill& job) {
    std::vector<std::string> names;
    for (const api::TemporarySetting& one : job.temporary_settings) {
        names.push_back(one.setting);
    }
    return join(names, ",");
}

Table backfill_table(const std::vector<api::Backfill>& items, Instant now) {
    Table table({
        {"ID"},
        {"ASSET"},
        {"TENANT"},
        {"STATE"},
        {"PROGRESS"},
        {"RATE", Align::kRight},
        {"PRIORITY", Align::kRight},
        {"RANK", Align::kRight},
        {"SLOTS", Align::kRight},
        {"AGE", Align::kRight},
        {"ETA"},
        {"REASON", Align::kLeft, true},
        {"EFFECTIVE", Align::kRight, true},
        {"DEADLINE", Align::kLeft, true},
        {"SET", Align::kLeft, true},
        {"GROUP", Align::kLeft, true},
        {"BY", Align::kLeft, true},
        {"NOTE", Align::kLeft, true},
    });
    for (const api::Backfill& job : items) {
        table.add(
            {job.id,
             job.asset_name,
             job.tenant_id,
             Cell(job.state, tone_of_state(job.state)),
             progress(job),
             rate(job.partitions_per_second),
             std::to_string(job.priority) + (is_set(job, "priority") ? " (set)" : ""),
             job.rank > 0 ? std::to_string(job.rank) : "-",
             std::to_string(job.slots),
             span(job.created_at, now),
             eta(job, now, false),
             job.state_reason,
             std::to_string(job.effective_priority),
             when(job.sla_deadline_at),
             temporary_names(job),
             job.group_id.value_or(""),
             job.created_by,
             job.note}
        );
    }
    return table;
}

// How many more there are; counting stops at kMoreCountedMax.
Result<std::string> more_note(
    client::Client& client, client::BackfillQuery query, const Collected& shown
) {
    query.page_token = *shown.next_page_token;
    const Collected rest = SERVO_TRY(collect_backfills(client, query, kMoreCountedMax));
    const std::string number =
        (rest.next_page_token ? "more than " : "") + count(rest.items.size());
    return number +
           " more; see them with --limit, or narrow the list with --status, --asset, --since";
}

Result<int> list(Session& session, const ListArgs& args) {
    keep_groups_whole(session, {args.group});
    client::Client* client = SERVO_TRY(session.client());
    client::BackfillQuery query;
    query.status = join(comma_words(args.status), ",");
    query.asset = args.asset;
    if (!args.group.empty()) {
        query.group = SERVO_TRY(resolve_id(*client, args.group));
    }
    query.since = args.since;
    query.sort = args.sort;
    const int64_t limit = SERVO_TRY(flag_number("--limit", args.limit, 1, kListLimitMax));
    const Collected found =
        SERVO_TRY(collect_backfills(*client, query, static_cast<size_t>(limit)));
    ListDocument document{
        {}, found.next_page_token, backfill_table(found.items, session.now()), {}, ""};
    for (const api::Backfill& job : found.items) {
        document.items.push_back(api::to_json(job));
        document.names.push_back(job.id);
    }
    document.empty_note =
        args.status.empty() && args.asset.empty() && args.group.empty() && args.since.empty()
            ? "no backfills open or ended in the last 24 h; "
              "start one with `servo backfill start ASSET --start D --end D`"
            : "no backfills fit";
    session.output().list(document);
    if (found.next_page_token && !session.output().quiet()) {
        const Result<std::string> more = more_note(*client, query, found);
        session.output().note(more ? *more : "there are more: " + more.error().message);
    }
    return kOk;
}

}  // namespace

void add_backfill_list(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<ListArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"list",
         "List backfills: without a filter the open ones and those that ended in the last 24 h.",
         {"servo backfill list",
          "servo backfill list --status running,paused",
          "servo backfill list --status open --asset orders -o name"},
         "RANK is the place among the tenant's open backfills, after aging and deadlines; 1 goes "
         "first. A priority with (set) holds for a time; -o wide names what else does."},
        [args](Session& session) { return list(session, *args); }
    );
    list_flag(
        *verb,
        "--status,--state",
        args->status,
        "STATES",
        "pending, waiting_upstream, running, paused, resuming, cancelling, completed, failed, "
        "cancelled, or open; several with commas."
    );
    value_flag(*verb, "--asset", args->asset, "NAME", "Only of this asset.");
    value_flag(*verb, "--group", args->group, "ID", "Only of this group.");
    value_flag(
        *verb, "--since", args->since, "T", "Only those started since: 24h, 7d, a date or a time."
    );
    value_flag(
        *verb, "--sort", args->sort, "KEY", "created, -created, priority, rank, progress or rate."
    );
    value_flag(*verb, "--limit", args->limit, "N", "Most lines (50).");
}

}  // namespace servo::cli
