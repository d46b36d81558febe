#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "cli/follow.h"
#include "cli/groups.h"
#include "cli/partition_selection.h"
#include "cli/text.h"
#include "model/job.h"
#include "model/settable.h"

namespace servo::cli {
namespace {

constexpr size_t kDelaysShown = 10;

struct StartArgs {
    std::string asset;
    SelectionArgs selection;
    std::string reprocess = "failed";
    std::string overlap = "reject";
    std::string priority = "0";
    std::string deadline;
    std::string max_concurrency = "0";
    std::string max_failures;
    std::string note;
    std::string idempotency_key;
    bool reverse = false;
    bool dry_run = false;
    bool allow_empty = false;
    bool all_tenants = false;
    bool wait = false;
    bool yes = false;
};

Result<api::StartRequest> request_of(Session& session, const StartArgs& args) {
    api::StartRequest request;
    request.asset = args.asset;
    request.selection = SERVO_TRY(selection_of(session.environment(), args.selection));
    request.reprocess = args.reprocess;
    request.overlap = args.overlap;
    request.priority =
        SERVO_TRY(flag_number("--priority", args.priority, model::kPriorityMin, model::kPriorityMax)
        );
    request.max_concurrency =
        SERVO_TRY(flag_number("--max-concurrency", args.max_concurrency, 0, model::kConcurrencyMax)
        );
    if (!args.deadline.empty()) {
        request.sla_deadline = args.deadline;
    }
    if (!args.max_failures.empty()) {
        request.max_failures = args.max_failures;
    }
    request.reverse = args.reverse;
    request.note = args.note;
    request.dry_run = args.dry_run;
    request.allow_empty = args.allow_empty;
    request.all_tenants = args.all_tenants;
    if (args.all_tenants && !session.flags().tenant.empty()) {
        return fail(invalid_argument("usage", "Give --tenant or --all-tenants, not both."));
    }
    if (session.flags().tenant.find(',') != std::string::npos) {
        request.tenants = comma_words({session.flags().tenant});
    }
    return request;
}

std::string subject_of(const api::StartedBackfill& one) {
    return one.asset_name + " of " + one.tenant_id + ", revision " +
           std::to_string(one.asset_revision);
}

// Most people who give no range do not mean all of history.
std::string left_out_range(const SelectionArgs& chosen, const api::StartReply& reply) {
    if (!chosen.start.empty() || !chosen.end.empty() || !chosen.keys.empty() ||
        !chosen.keys_file.empty() || reply.items.empty()) {
        return "";
    }
    if (reply.items.front().resolved.range_start) {
        return "no --start or --end: from the asset's first partition until now";
    }
    return chosen.dims.empty() ? "no --partition: all keys of the asset" : "";
}

std::string left_to_others(const api::StartedBackfill& one) {
    return count(one.skipped_by_overlap) + " of them left to another backfill (--overlap skip)";
}

void echo_items(Session& session, const StartArgs& args, const api::StartReply& reply) {
    session.output().note(left_out_range(args.selection, reply));
    for (const api::StartedBackfill& one : reply.items) {
        session.output().note(describe_selection(subject_of(one), one.resolved));
        if (one.skipped_by_overlap > 0) {
            session.output().note("  " + left_to_others(one));
        }
    }
}

// What a selection of nothing means: exit 1 unless --allow-empty.
int nothing_to_do(Session& session, const StartArgs& args, const std::string& why) {
    session.output().warn("nothing to do: " + why);
    return args.allow_empty ? kOk : kFailed;
}

std::string why_nothing(const StartArgs& args, const api::StartReply& reply) {
    uint64_t selected = 0;
    uint64_t taken = 0;
    for (const api::StartedBackfill& one : reply.items) {
        selected += one.resolved.selected;
        taken += one.skipped_by_overlap;
    }
    if (selected == 0) {
        return "no partition that could run lies in the selection; `servo asset show " +
               shell_quote(args.asset) + "` shows what partitions it has";
    }
    if (taken > 0) {
        return "other open backfills have every one of these partitions (--overlap skip)";
    }
    return "no partition of the selection needs to run with --reprocess " + args.reprocess +
           "; --reprocess all redoes what is there";
}

std::string preview_text(const api::StartReply& reply, Instant now, bool colour) {
    Facts facts;
    for (const api::StartedBackfill& one : reply.items) {
        facts.add("would run", describe_selection(subject_of(one), one.resolved));
        const bool more =
            one.resolved.count - one.skipped_by_overlap > one.resolved.sample_keys.size();
        if (one.skipped_by_overlap > 0) {
            facts.add("not", left_to_others(one));
        }
        facts.add("keys", join(one.resolved.sample_keys, ", ") + (more ? ", …" : ""));
    }
    if (reply.preview) {
        const api::Preview& preview = *reply.preview;
        if (preview.duration_p50_ms) {
            std::string text = "about " + human_duration(Millis(*preview.duration_p50_ms));
            if (preview.duration_p90_ms) {
                text += ", nine times of ten within " +
                        human_duration(Millis(*preview.duration_p90_ms));
            }
            facts.add("takes", text);
        }
        if (preview.completion_at) {
            facts.add(
                "ends",
                "in " + span(now, *preview.completion_at) + ", " + when(*preview.completion_at)
            );
        }
        facts.add("basis", preview.basis);
        std::string delays;
        for (size_t i = 0; i < preview.delays.size() && i < kDelaysShown; ++i) {
            const api::PreviewDelay& delay = preview.delays[i];
            delays += (delays.empty() ? "" : "\n") + delay.id + " " + delay.asset_name + " of " +
                      delay.tenant_id + " by " + human_duration(Millis(delay.delay_ms));
        }
        facts.add("delays", delays);
    }
    std::ostringstream out;
    facts.print(out, colour);
    return out.str();
}

Result<int> dry_run(
    Session& session, client::Client& client, const StartArgs& args, api::StartRequest request
) {
    request.allow_empty = true;
    const api::StartReply reply = SERVO_TRY(client.start_backfill(request, ""));
    session.output().thing(
        {api::to_json(reply),
         args.asset,
         preview_text(reply, session.now(), session.output().colour_out())}
    );
    const bool any = std::any_of(reply.items.begin(), reply.items.end(), [](const auto& one) {
        return one.resolved.count > one.skipped_by_overlap;
    });
    return any ? kOk : nothing_to_do(session, args, why_nothing(args, reply));
}

// Asks before a large one. The server is asked for the count first, unless the answer is known.
Result<bool> confirmed(
    Session& session, client::Client& client, const StartArgs& args, api::StartRequest request
) {
    if (args.yes) {
        return true;
    }
    const size_t keys = request.selection.keys.size();
    const bool several = !request.tenants.empty() || request.all_tenants;
    if (keys > 0 && keys <= kAskAbovePartitions && !several) {
        return true;
    }
    // Only counts: a repeated request with its key must get as far as the server's answer to the
    // first one, which an overlap with that one's own job would prevent here.
    request.dry_run = true;
    request.preview = false;
    request.allow_empty = true;
    request.overlap = "wait";
    const api::StartReply reply = SERVO_TRY(client.start_backfill(request, ""));
    if (reply.total_partitions <= kAskAbovePartitions) {
        return true;
    }
    echo_items(session, args, reply);
    return session.confirm(
        "This starts " + count(reply.total_partitions) + " partitions in " +
            counted(reply.items.size(), "backfill", "backfills") + ".",
        false
    );
}

Result<int> start(Session& session, const StartArgs& args) {
    const auto asked = request_of(session, args);
    if (!asked && asked.error().reason == kNamesNothing) {
        return nothing_to_do(session, args, asked.error().message);
    }
    const api::StartRequest request = SERVO_TRY(asked);
    if (args.all_tenants) {
        session.only_typed_tenant("all tenants");
    }
    session.allow_several_tenants();
    client::Client* client = SERVO_TRY(session.client());
    if (args.dry_run) {
        return dry_run(session, *client, args, request);
    }
    SERVO_CHECK(session.echo_change());
    if (!SERVO_TRY(confirmed(session, *client, args, request))) {
        session.output().warn("not started");
        return kFailed;
    }
    api::StartRequest sent = request;
    sent.allow_empty = true;
    const std::string key =
        args.idempotency_key.empty() ? client::new_idempotency_key() : args.idempotency_key;
    const auto started = client->start_backfill(sent, key);
    if (!started && started.error().reason == "nothing_left") {
        return nothing_to_do(session, args, started.error().message);
    }
    const api::StartReply reply = SERVO_TRY(started);
    echo_items(session, args, reply);
    if (!reply.id) {
        return nothing_to_do(session, args, why_nothing(args, reply));
    }
    if (session.output().format_given() && session.output().format() != Format::kName) {
        session.output().thing({api::to_json(reply), *reply.id, *reply.id + "\n"});
    } else {
        session.output().line(*reply.id);
    }
    if (args.wait) {
        return wait_for_backfills(session, {*reply.id}, std::nullopt);
    }
    session.output().note("follow it with: servo backfill status " + *reply.id + " --watch");
    return kOk;
}

void add_limit_flags(CLI::App& verb, StartArgs& args) {
    value_flag(
        verb,
        "--reprocess",
        args.reprocess,
        "WHAT",
        "missing: never succeeded; failed (default): that, or the last outcome failed; stale: "
        "that, or "
        "made by an older revision; all."
    );
    value_flag(
        verb,
        "--overlap",
        args.overlap,
        "WHAT",
        "When an open backfill owns some of the partitions: reject (default), wait, or skip them."
    );
    value_flag(
        verb, "--priority", args.priority, "N", "-10 to 10 inside the tenant, higher first (0)."
    );
    value_flag(
        verb,
        "--sla-deadline",
        args.deadline,
        "T",
        "When it must be done: RFC 3339, a date, or +72h."
    );
    value_flag(verb, "--max-concurrency", args.max_concurrency, "N", "Most slots at once.");
    value_flag(
        verb,
        "--max-failures",
        args.max_failures,
        "N|P%",
        "Pause it when more fail for good (5% once 50 have ended), or none."
    );
    switch_flag(verb, "--reverse", args.reverse, "The latest partitions first.");
}

}  // namespace

void add_backfill_start(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<StartArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"start",
         "Start a backfill of an asset.",
         {"servo backfill start orders --start 2024-01-01 --end 2024-01-31",
          "servo backfill start orders --start 2024-01-01 --dry-run",
          "servo backfill start sales --start 2024-01-01 --dim region=eu,us --reprocess all",
          "id=$(servo backfill start regions --partition eu --partition us)"},
         "A window belongs to the range when its start lies in [start, end). An end that is a date "
         "alone "
         "is inclusive, a time is exclusive; both are in the asset's time zone unless they carry "
         "an "
         "offset. The resolved range is echoed on stderr; stdout gets the id alone. A selection of "
         "nothing exits with 1 (--allow-empty: 0). More than 10,000 partitions must be confirmed, "
         "or "
         "given --yes."},
        [args](Session& session) { return start(session, *args); }
    );
    argument(*verb, "asset", args->asset, "Name of the asset (`servo asset list`).")->required();
    value_flag(
        *verb,
        "--start,--from",
        args->selection.start,
        "D",
        "First window; absent: the asset's first."
    );
    value_flag(*verb, "--end,--to", args->selection.end, "D", "End of the range; absent: now.");
    list_flag(*verb, "--partition", args->selection.keys, "KEY", "This partition; repeatable.");
    value_flag(
        *verb,
        "--partitions-file",
        args->selection.keys_file,
        "FILE",
        "Partitions, one key a line; - is stdin."
    );
    list_flag(
        *verb, "--dim", args->selection.dims, "NAME=A,B", "Only these values of a dimension."
    );
    add_limit_flags(*verb, *args);
    switch_flag(
        *verb, "--dry-run", args->dry_run, "Say what it would do, how long, and whom it delays."
    );
    value_flag(*verb, "--note", args->note, "TEXT", "Kept with the backfill.");
    value_flag(
        *verb,
        "--idempotency-key",
        args->idempotency_key,
        "K",
        "The same key again gives the same backfill, for 7 days."
    );
    switch_flag(
        *verb,
        "--all-tenants",
        args->all_tenants,
        "One backfill for each tenant, as a group (admin)."
    );
    switch_flag(*verb, "--allow-empty", args->allow_empty, "A selection of nothing is fine.");
    switch_flag(
        *verb, "--wait", args->wait, "Wait until it has ended; exit code as `servo backfill wait`."
    );
    switch_flag(*verb, "-y,--yes", args->yes, "Do not ask.");
    commands.reserved_flag(*verb, "--include-upstream", false);
    commands.reserved_flag(*verb, "--max-upstream-depth", true);
    commands.reserved_flag(*verb, "--canary", true);
    commands.reserved_flag(*verb, "--what-if", true);
    commands.reserved_flag(*verb, "--notify", true);
}

}  // namespace servo::cli
