#include <ostream>
#include <sstream>

#include "base/text.h"
#include "cli/explanation.h"
#include "cli/groups.h"
#include "cli/partition_selection.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

struct PartitionArgs {
    std::string asset;
    std::string key;
};

void add_asset_and_key(CLI::App& verb, PartitionArgs& args) {
    argument(verb, "asset", args.asset, "Name of the asset.")->required();
    argument(
        verb,
        "key",
        args.key,
        "Key of the partition, such as 2024-01-29 or date=2024-01-29,region=eu."
    )
        ->required();
}

std::string attempts_text(const api::PartitionDetail& partition) {
    std::string text;
    for (const api::FailedAttempt& failed : partition.failed_attempts) {
        text += (text.empty() ? "" : "\n") + std::string("attempt ") +
                std::to_string(failed.attempt) + ": " + failed.failure_class +
                exit_words(failed.exit_code) + ", " + failed.executor + ", " +
                when(failed.ended_at) +
                (failed.is_final   ? ", final"
                 : failed.retry_at ? ", again at " + when(*failed.retry_at)
                                   : "");
        if (!failed.message.empty()) {
            text += "\n  " + failed.message;
        }
    }
    return text;
}

std::string made_by(const api::PartitionDetail& partition) {
    if (!partition.backfill_id) {
        return "";
    }
    std::string text = *partition.backfill_id;
    if (partition.asset_revision) {
        text += ", revision " + std::to_string(*partition.asset_revision);
    }
    return text + (partition.executor ? ", on " + *partition.executor : "");
}

std::string detail_text(const api::PartitionDetail& partition, Instant now, bool colour) {
    Facts facts;
    facts.add(
        "partition", partition.asset_name + ' ' + partition.key + ", tenant " + partition.tenant_id
    );
    facts.add("status", Cell(partition.status, tone_of_state(partition.status)));
    if (partition.start) {
        facts.add("window", "[" + *partition.start + ", " + partition.end.value_or("") + ")");
    }
    facts.add("made by", made_by(partition));
    facts.add("started", when(partition.started_at));
    facts.add("ended", when(partition.at));
    facts.add(
        "took", partition.duration_ms ? span_ms(static_cast<double>(*partition.duration_ms)) : ""
    );
    facts.add("attempt", partition.attempt ? std::to_string(*partition.attempt) : "");
    facts.add("rows", partition.rows ? with_commas(*partition.rows) : "");
    facts.add("bytes", bytes(partition.bytes));
    facts.add("memory", partition.max_rss_kb ? bytes(*partition.max_rss_kb * 1'024) : "");
    facts.add("processor", partition.cpu_ms ? span_ms(static_cast<double>(*partition.cpu_ms)) : "");
    if (partition.failure_class) {
        facts.add(
            "failed",
            *partition.failure_class + exit_words(partition.exit_code) + ": " +
                partition.message.value_or("")
        );
    }
    facts.add("attempts", attempts_text(partition));
    if (partition.waiting) {
        facts.add("waiting", wait_reasons({*partition.waiting}, now));
    }
    std::ostringstream out;
    facts.print(out, colour);
    return out.str();
}

Result<int> status(Session& session, const PartitionArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    const api::PartitionDetail partition = SERVO_TRY(client->get_partition(args.asset, args.key));
    session.output().thing(
        {api::to_json(partition),
         partition.key,
         detail_text(partition, session.now(), session.output().colour_out())}
    );
    return kOk;
}

Result<int> explain(Session& session, const PartitionArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    print_explanation(session, SERVO_TRY(client->explain_partition(args.asset, args.key)));
    return kOk;
}

struct MarkArgs {
    std::string asset;
    std::string key;
    SelectionArgs selection;
    std::string as;
    std::string reason;
    bool dry_run = false;
    bool yes = false;
};

Result<int> mark(Session& session, const MarkArgs& args) {
    api::MarkRequest request;
    SelectionArgs selection = args.selection;
    if (!args.key.empty()) {
        selection.keys.push_back(args.key);
    }
    request.selection = SERVO_TRY(selection_of(session.environment(), selection));
    if (selection.keys.empty() && selection.keys_file.empty() && selection.start.empty() &&
        selection.end.empty() && selection.dims.empty()) {
        return fail(invalid_argument(
            "usage",
            "servo partition mark: which partitions? Give a KEY, --start and --end, or "
            "--partitions-file."
        ));
    }
    request.as = args.as;
    request.reason = args.reason;
    request.dry_run = true;
    client::Client* client = SERVO_TRY(session.client());
    if (!args.dry_run) {
        SERVO_CHECK(session.echo_change());
    }
    api::MarkReply reply = SERVO_TRY(client->mark_partitions(args.asset, request, ""));
    const uint64_t selected = reply.resolved.count;
    if (!args.dry_run) {
        if (selected > kAskAbovePartitions &&
            !SERVO_TRY(session.confirm(
                "This marks " + count(selected) + " partitions as " + args.as + ".", args.yes
            ))) {
            session.output().warn("not marked");
            return kFailed;
        }
        request.dry_run = false;
        reply =
            SERVO_TRY(client->mark_partitions(args.asset, request, client::new_idempotency_key()));
    }
    const std::string subject =
        std::string(args.dry_run ? "would mark " : "marked ") + args.asset + " as " + args.as;
    session.output().thing(
        {api::to_json(reply), args.asset, describe_selection(subject, reply.resolved) + "\n"}
    );
    return kOk;
}

void add_mark(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<MarkArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"mark",
         "Adopt history or waive it: mark partitions completed, skipped or missing without running "
         "them.",
         {"servo partition mark orders --start 2023-01-01 --end 2023-12-31 --as completed --reason "
          "\"from the old system\"",
          "servo partition mark orders 2024-02-29 --as skipped --reason \"the source has no "
          "data\""},
         "Refused for partitions that an open backfill owns."},
        [args](Session& session) { return mark(session, *args); }
    );
    argument(*verb, "asset", args->asset, "Name of the asset.")->required();
    argument(*verb, "key", args->key, "One partition.");
    value_flag(*verb, "--as", args->as, "WHAT", "completed, skipped or missing.")->required();
    value_flag(*verb, "--reason", args->reason, "TEXT", "Why; kept in the audit trail.");
    value_flag(*verb, "--start,--from", args->selection.start, "D", "First window.");
    value_flag(
        *verb,
        "--end,--to",
        args->selection.end,
        "D",
        "End of the range; a date alone is inclusive."
    );
    list_flag(*verb, "--partition", args->selection.keys, "KEY", "This partition; repeatable.");
    value_flag(
        *verb,
        "--partitions-file",
        args->selection.keys_file,
        "FILE",
        "Keys, one a line; - is stdin."
    );
    list_flag(
        *verb, "--dim", args->selection.dims, "NAME=A,B", "Only these values of a dimension."
    );
    switch_flag(*verb, "--dry-run", args->dry_run, "Only say what would be marked.");
    switch_flag(*verb, "-y,--yes", args->yes, "Do not ask.");
}

}  // namespace

void add_partition_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"partition",
         "Look at single partitions, their logs, and run or mark them.",
         {"servo partition list orders --status failed",
          "servo partition logs orders 2024-01-29",
          "servo partition run orders 2024-01-29"},
         ""}
    );
    add_partition_list(commands, *group);
    auto shown = std::make_shared<PartitionArgs>();
    add_asset_and_key(
        *commands.verb(
            *group,
            {"status",
             "Show one partition: what made it, when, how long, rows, failed attempts.",
             {"servo partition status orders 2024-01-29"},
             ""},
            [shown](Session& session) { return status(session, *shown); }
        ),
        *shown
    );
    auto explained = std::make_shared<PartitionArgs>();
    add_asset_and_key(
        *commands.verb(
            *group,
            {"explain",
             "Say which backfill owns a partition, what holds it back and what would release it, "
             "or how to run it.",
             {"servo partition explain orders 2024-01-29"},
             ""},
            [explained](Session& session) { return explain(session, *explained); }
        ),
        *explained
    );
    add_partition_logs(commands, *group);
    add_partition_run(commands, *group);
    add_mark(commands, *group);
}

}  // namespace servo::cli
