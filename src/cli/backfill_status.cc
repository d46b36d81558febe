#include <fmt/format.h>

#include <ostream>
#include <sstream>

#include "api/words.h"
#include "base/text.h"
#include "cli/field_changes.h"
#include "cli/follow.h"
#include "cli/groups.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr size_t kHoldersShown = 10;

struct StatusArgs {
    std::string id;
    bool watch = false;
};

std::string state_line(const api::BackfillDetail& job, Instant now) {
    std::string text = job.state;
    if (!job.state_reason.empty()) {
        text += " (" + job.state_reason + ")";
    }
    if (job.state_since) {
        text += ", for " + span(*job.state_since, now);
    }
    if (!job.state_by.empty()) {
        text += ", by " + job.state_by;
    }
    if (!job.state_note.empty()) {
        text += ": " + job.state_note;
    }
    if (job.resume_at) {
        text += "; resumes at " + when(*job.resume_at);
    }
    if (job.waits_for) {
        text += "; waits for " + *job.waits_for;
    }
    return text;
}

std::string partitions_line(const api::BackfillDetail& job) {
    std::string text = progress(job) + ": " + count(job.completed_partitions) + " completed, " +
                       count(job.running_partitions) + " running, " +
                       count(job.pending_partitions) + " pending, " + count(job.failed_partitions) +
                       " failed";
    if (job.skipped_partitions > 0) {
        text += ", " + count(job.skipped_partitions) + " skipped";
    }
    if (job.cancelled_partitions > 0) {
        text += ", " + count(job.cancelled_partitions) + " cancelled";
    }
    return text;
}

std::string rate_line(const api::BackfillDetail& job) {
    std::string text = rate(job.partitions_per_second) + " now, " +
                       rate(job.partitions_per_second_before) + " in the ten minutes before";
    if (job.avg_partition_duration_ms) {
        text += "; a partition takes " + span_ms(*job.avg_partition_duration_ms) + " on average";
    }
    if (job.p95_partition_duration_ms) {
        text += (job.avg_partition_duration_ms ? ", 95 of 100" : "; 95 of 100 partitions take") +
                (" at most " + span_ms(*job.p95_partition_duration_ms));
    }
    return text;
}

std::string eta_line(const api::BackfillDetail& job, Instant now) {
    if (!is_open(job.state)) {
        return "";
    }
    std::string text = eta(job, now, true);
    if (!job.estimate_basis.empty()) {
        text += (text == "-" ? " " : "; ") + job.estimate_basis;
    }
    return text;
}

std::string deadline_line(const api::BackfillDetail& job) {
    if (!job.sla_deadline_at) {
        return "";
    }
    const bool judged = job.deadline_verdict != "none";
    return when(*job.sla_deadline_at) + (judged ? ": " + job.deadline_verdict : "");
}

// One line a setting that holds for a time.
std::string temporary_text(const api::BackfillDetail& job) {
    std::vector<std::string> lines;
    for (const api::TemporarySetting& one : job.temporary_settings) {
        lines.push_back(
            one.setting + ' ' + one.value + " instead of " + one.lasting + ", " +
            describe_override(one.override_info)
        );
    }
    return join(lines, "\n");
}

std::string range_line(const api::BackfillDetail& job) {
    return job.range_start ? "[" + *job.range_start + ", " + job.range_end.value_or("") + ")" : "";
}

std::string holders_text(const api::BackfillDetail& job, Instant now) {
    std::string text;
    for (size_t i = 0; i < job.holders.size() && i < kHoldersShown; ++i) {
        const api::SlotHolder& holder = job.holders[i];
        text += (i == 0 ? "" : "\n") + holder.executor + " runs " + holder.partition + " (" +
                span(holder.since, now) + ", " + count(holder.unreported) + " unreported)";
    }
    if (job.holders.size() > kHoldersShown) {
        text += "\nand " + count(job.holders.size() - kHoldersShown) + " more slots";
    }
    return text;
}

std::string failures_text(const api::BackfillDetail& job) {
    std::string text;
    for (const api::FailureSummary& failure : job.failures) {
        text += (text.empty() ? "" : "\n") + failure.failure_class + ": " +
                counted(failure.partitions, "partition", "partitions") + " failed for good, " +
                counted(failure.attempts, "attempt", "attempts");
        for (const api::FailureExample& example : failure.examples) {
            text += "\n  " + example.partition + " (" + example.executor +
                    exit_words(example.exit_code) + "): " + example.message;
        }
    }
    return text;
}

std::string repeat_text(const api::BackfillDetail& job, Instant now) {
    const bool passed = job.sla_deadline_at && *job.sla_deadline_at <= now;
    return job.command + (passed ? "\n(without its deadline, which has passed)" : "");
}

// The id alone found the backfill; the asset's name needs its tenant, as in what repeats it.
std::string list_failed(const api::BackfillDetail& job) {
    const std::string tenant =
        job.tenant_id == "default" ? "" : " --tenant " + shell_quote(job.tenant_id);
    return "servo partition list " + shell_quote(job.asset_name) + tenant + " --status failed";
}

std::string next_step(const api::BackfillDetail& job) {
    if (job.state == "failed") {
        return "servo backfill retry " + job.id + "\n" + list_failed(job);
    }
    if (job.state == "paused") {
        return "servo backfill resume " + job.id;
    }
    return job.failed_partitions > 0 ? list_failed(job) : "";
}

std::string detail_text(const api::BackfillDetail& job, Instant now, bool colour) {
    Facts facts;
    facts.add("id", job.id + (job.group_id ? "  (group " + *job.group_id + ")" : ""));
    facts.add(
        "asset",
        job.asset_name + ", revision " + std::to_string(job.asset_revision) +
            (job.wants_latest ? " (the latest once none runs)" : "") + ", tenant " + job.tenant_id
    );
    facts.add("state", Cell(state_line(job, now), tone_of_state(job.state)));
    facts.add("range", range_line(job));
    facts.add("partitions", partitions_line(job));
    facts.add("rate", rate_line(job));
    facts.add("ends", eta_line(job, now));
    facts.add("deadline", deadline_line(job));
    if (is_open(job.state)) {
        facts.add(
            "priority",
            std::to_string(job.priority) + ", effectively " +
                std::to_string(job.effective_priority) + ", rank " + std::to_string(job.rank) +
                " in the tenant, " + counted(static_cast<uint64_t>(job.slots), "slot", "slots")
        );
        facts.add("set", temporary_text(job));
    }
    facts.add("created", when(job.created_at) + " by " + job.created_by);
    facts.add("started", when(job.started_at));
    facts.add("ended", when(job.completed_at));
    facts.add("note", job.note);
    facts.add("slots", holders_text(job, now));
    if (job.started_at) {  // it is the asset revision's time: no part of it is this backfill's
        facts.add("slot time", slot_time(job.time));
        facts.add("busy", busy_time(job.time));
        facts.add("lost slots", lost_slots(job.time, job.time_before));
    }
    facts.add("waiting", wait_reasons(job.waiting, now));
    facts.add("failures", Cell(failures_text(job), Tone::kPlain));
    if (job.downstream_assets > 0) {
        facts.add(
            "downstream", counted(job.downstream_assets, "asset builds", "assets build") + " on it"
        );
    }
    facts.add("repeat it", repeat_text(job, now));
    facts.add("next", next_step(job));
    std::ostringstream out;
    facts.print(out, colour);
    return out.str();
}

Result<int> show(Session& session, const std::string& id) {
    client::Client* client = SERVO_TRY(session.client());
    const api::BackfillDetail job = SERVO_TRY(client->get_backfill(id));
    session.output().thing(
        {api::to_json(job), job.id, detail_text(job, session.now(), session.output().colour_out())}
    );
    return kOk;
}

// The backfills of a group, one section each.
Result<int> show_group(Session& session, const std::string& group) {
    client::Client* client = SERVO_TRY(session.client());
    boost::json::array details;
    std::string text;
    for (const api::Backfill& job : SERVO_TRY(backfills_of_group(*client, group))) {
        const api::BackfillDetail detail = SERVO_TRY(client->get_backfill(job.id));
        details.push_back(api::to_json(detail));
        text += (text.empty() ? "" : "\n") +
                detail_text(detail, session.now(), session.output().colour_out());
    }
    session.output().thing({boost::json::object{{"items", std::move(details)}}, group, text});
    return kOk;
}

// A terminal is redrawn; anything else gets a document at each change.
class Watch {
 public:
    Watch(Session& session, client::Client& client, std::string id)
        : session_(session), client_(client), id_(std::move(id)) {}

    Result<std::optional<int>> step() {
        const api::BackfillDetail job = SERVO_TRY(client_.get_backfill(id_));
        const std::string key = job.state + '/' + std::to_string(ended(job)) + '/' +
                                std::to_string(job.running_partitions);
        const bool redraw =
            session_.environment().out_is_terminal && session_.output().for_people();
        if (redraw || key != last_) {
            last_ = key;
            if (redraw) {
                session_.output().out() << "\x1b[H\x1b[2J";
            }
            const bool brief = !redraw && session_.output().for_people();
            session_.output().thing(
                {api::to_json(job),
                 job.id,
                 brief ? job.id + "  " + job.state + "  " + progress(job) + "  " +
                             rate(job.partitions_per_second) + "  " +
                             eta(job, session_.now(), false) + "\n"
                       : detail_text(job, session_.now(), session_.output().colour_out())}
            );
        }
        if (is_open(job.state)) {
            return std::optional<int>();
        }
        return std::optional<int>(exit_code_of_state(job.state));
    }

 private:
    Session& session_;
    client::Client& client_;
    std::string id_;
    std::string last_;
};

Result<int> status(Session& session, const StatusArgs& args) {
    keep_groups_whole(session, {args.id});
    client::Client* client = SERVO_TRY(session.client());
    const std::string id = SERVO_TRY(resolve_id(*client, args.id));
    if (is_group_id(id)) {
        if (args.watch) {
            return wait_for_backfills(session, {id}, std::nullopt);
        }
        return show_group(session, id);
    }
    if (!args.watch) {
        return show(session, id);
    }
    Watch watch(session, *client, id);
    return poll_until(session, "servo backfill status " + id + " --watch", std::nullopt, [&watch] {
        return watch.step();
    });
}

}  // namespace

void add_backfill_status(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<StatusArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"status",
         "Show one backfill: progress, rate, when it ends, who holds slots, why the rest waits, "
         "failures.",
         {"servo backfill status bf_7k2m",
          "servo backfill status bf_7k2m --watch",
          "servo backfill status bf_7k2m -o json | jq .failed_partitions"},
         "With --watch the exit code is that of the backfill: 0 completed, 1 failed, 9 cancelled; "
         "Ctrl-C "
         "detaches with 130."},
        [args](Session& session) { return status(session, *args); }
    );
    argument(*verb, "id", args->id, "Id of a backfill or group; a unique prefix is enough.")
        ->required();
    switch_flag(*verb, "-w,--watch", args->watch, "Keep showing it until it has ended.");
}

}  // namespace servo::cli
