#include "base/text.h"
#include "cli/groups.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr std::string_view kOpenStates = "open";

using Act = std::function<Result<api::ActionReply>(client::Client&, const std::string& id)>;

struct ActionWords {
    std::string done;     // "paused"
    std::string already;  // "was paused already"
};

Table action_table() {
    return Table({{"ID"}, {"TENANT"}, {"STATE"}, {"CHANGED"}, {"PARTITIONS", Align::kRight}});
}

// Acts on each id; a failure does not stop the others. The exit code is that of the first failure.
Result<int> act_on(
    Session& session, const std::vector<std::string>& ids, const ActionWords& words, const Act& act
) {
    client::Client* client = SERVO_TRY(session.client());
    ListDocument document{
        {}, std::nullopt, action_table(), {}, ids.empty() ? "nothing to do: no backfill fits" : ""};
    int code = kOk;
    std::vector<api::ActionResult> results;
    for (const std::string& id : ids) {
        const Result<api::ActionReply> reply = act(*client, id);
        if (!reply) {
            const std::string why = describe(reply.error());
            session.output().warn(why.starts_with(id) ? why : id + ": " + why);
            code = code == kOk ? exit_code_of(reply.error()) : code;
            continue;
        }
        for (const api::ActionResult& one : reply->items) {
            document.items.push_back(api::to_json(one));
            document.names.push_back(one.id);
            document.table.add(
                {one.id,
                 one.tenant_id,
                 Cell(one.state, tone_of_state(one.state)),
                 one.changed ? words.done : words.already,
                 one.partitions > 0 ? count(one.partitions) : ""}
            );
            results.push_back(one);
        }
    }
    SERVO_CHECK(echo_after(session, results));
    session.output().list(document);
    return code;
}

struct PauseArgs {
    JobChoice choice;
    std::string reason;
    std::string hold_for;
    bool now = false;
};

Result<int> pause(Session& session, const PauseArgs& args) {
    if (!args.hold_for.empty()) {
        SERVO_CHECK(parse_duration(args.hold_for));
    }
    const auto ids =
        SERVO_TRY(choose_jobs_to_change(session, args.choice, std::string(kOpenStates)));
    const api::PauseRequest request{args.reason, args.hold_for, args.now};
    return act_on(
        session,
        ids,
        {"paused", "already so"},
        [&request](client::Client& client, const std::string& id) {
            return client.pause_backfill(id, request);
        }
    );
}

void add_pause(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<PauseArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"pause",
         "Pause backfills: nothing new starts, running partitions finish.",
         {"servo backfill pause bf_7k2m --reason \"warehouse is slow\" --for 2h",
          "servo backfill pause --all --pool warehouse",
          "servo backfill pause --all --priority-below 0"},
         ""},
        [args](Session& session) { return pause(session, *args); }
    );
    add_job_choice(*verb, args->choice);
    value_flag(
        *verb, "--reason", args->reason, "TEXT", "Why; shown in lists and in the audit trail."
    );
    value_flag(*verb, "--for", args->hold_for, "TIME", "Resume by itself after this (2h, 30m).");
    switch_flag(*verb, "--now", args->now, "Kill what runs; attempts are not spent.");
}

Result<int> resume(Session& session, const JobChoice& choice) {
    const auto ids = SERVO_TRY(choose_jobs_to_change(session, choice, "paused"));
    return act_on(
        session,
        ids,
        {"resumed", "already so"},
        [](client::Client& client, const std::string& id) { return client.resume_backfill(id); }
    );
}

void add_resume(Commands& commands, CLI::App& group) {
    auto choice = std::make_shared<JobChoice>();
    CLI::App* verb = commands.verb(
        group,
        {"resume",
         "Resume paused backfills.",
         {"servo backfill resume bf_7k2m", "servo backfill resume --all --paused-by me"},
         ""},
        [choice](Session& session) { return resume(session, *choice); }
    );
    add_job_choice(*verb, *choice);
    value_flag(
        *verb,
        "--paused-by",
        choice->paused_by,
        "WHO",
        "With --all: only those that this user paused; `me` is you."
    );
}

struct CancelArgs {
    JobChoice choice;
    std::string reason;
    bool force = false;
};

Result<int> cancel(Session& session, const CancelArgs& args) {
    const auto ids =
        SERVO_TRY(choose_jobs_to_change(session, args.choice, std::string(kOpenStates)));
    const api::CancelRequest request{args.reason, args.force};
    return act_on(
        session,
        ids,
        {"cancelled", "already so"},
        [&request](client::Client& client, const std::string& id) {
            return client.cancel_backfill(id, request);
        }
    );
}

void add_cancel(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<CancelArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"cancel",
         "Cancel backfills: nothing new starts, running partitions finish. It cannot be undone.",
         {"servo backfill cancel bf_7k2m --reason \"wrong range\"",
          "servo backfill cancel --all --asset orders --force"},
         ""},
        [args](Session& session) { return cancel(session, *args); }
    );
    add_job_choice(*verb, args->choice);
    value_flag(*verb, "--reason", args->reason, "TEXT", "Why; kept in the audit trail.");
    switch_flag(*verb, "--force", args->force, "Kill what runs.");
}

struct RetryArgs {
    JobChoice choice;
    std::vector<std::string> classes;
};

Result<int> retry(Session& session, const RetryArgs& args) {
    const auto ids =
        SERVO_TRY(choose_jobs_to_change(session, args.choice, "failed,running,paused,resuming"));
    const api::RetryRequest request{comma_words(args.classes)};
    return act_on(
        session,
        ids,
        {"retried",
         request.classes.empty() ? "nothing failed" : "nothing failed with such a class"},
        [&](client::Client& client, const std::string& id) -> Result<api::ActionReply> {
            api::ActionReply reply = SERVO_TRY(client.retry_backfill(id, request));
            for (const api::ActionResult& one : reply.items) {
                if (one.changed && one.state == "paused") {
                    session.output().note(
                        one.id + " stays paused; go on with: servo backfill resume " + one.id
                    );
                }
            }
            return reply;
        }
    );
}

void add_retry(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<RetryArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"retry",
         "Run the finally failed partitions of backfills again, exactly those.",
         {"servo backfill retry bf_7k2m", "servo backfill retry bf_7k2m --class data,timeout"},
         ""},
        [args](Session& session) { return retry(session, *args); }
    );
    add_job_choice(*verb, args->choice);
    list_flag(
        *verb,
        "--class",
        args->classes,
        "CLASSES",
        "Only of these failure classes: transient, data, resource, external, timeout, auth, "
        "configuration, crash, error, quarantined."
    );
}

}  // namespace

void add_backfill_actions(Commands& commands, CLI::App& group) {
    add_pause(commands, group);
    add_resume(commands, group);
    add_cancel(commands, group);
    add_retry(commands, group);
}

}  // namespace servo::cli
