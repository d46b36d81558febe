#include <ostream>

#include "base/text.h"
#include "cli/follow.h"
#include "cli/groups.h"
#include "cli/log_follower.h"
#include "cli/text.h"
#include "model/job.h"

namespace servo::cli {
namespace {

struct RunArgs {
    std::string asset;
    std::string key;
    std::string reason;
};

Result<int> run_partition(Session& session, const RunArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    api::StartRequest request;
    request.asset = args.asset;
    request.selection.keys = {args.key};
    request.reprocess = "all";
    request.priority = model::kPriorityMax;
    request.note = args.reason.empty() ? "servo partition run" : args.reason;
    const api::StartReply reply =
        SERVO_TRY(client->start_backfill(request, client::new_idempotency_key()));
    if (!reply.id) {
        return fail(failed_precondition(
            "nothing_to_do",
            "The partition " + args.key + " of " + args.asset + " cannot run now: " +
                "`servo partition explain " + args.asset + " " + args.key + "` says why."
        ));
    }
    session.output().note("backfill " + *reply.id);
    LogFollower follower(session, *client, {args.asset, args.key, *reply.id});
    const std::string come_back = "servo partition logs " + args.asset + " " + args.key + " -f";
    const int code = SERVO_TRY(poll_until(
        session, come_back, std::nullopt, [&follower] { return follower.step(); }, kPollFirst
    ));
    if (code == kOk || code == kFailed) {
        const api::Backfill job = SERVO_TRY(client->get_backfill(*reply.id));
        if (job.state == "cancelled" && job.completed_partitions + job.failed_partitions == 0) {
            session.output().note(args.key + ": its backfill was cancelled");
            return exit_code_of_state(job.state);
        }
        const api::PartitionDetail ended = SERVO_TRY(client->get_partition(args.asset, args.key));
        std::string text = args.key + ' ' + ended.status;
        if (ended.duration_ms) {
            text += " in " + span_ms(static_cast<double>(*ended.duration_ms));
        }
        if (ended.failure_class) {
            text += ": " + *ended.failure_class + ", " + ended.message.value_or("");
        }
        session.output().note(text);
    }
    return code;
}

}  // namespace

void add_partition_run(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<RunArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"run",
         "Run one partition now, whatever its state, and print what it prints while it runs.",
         {"servo partition run orders 2024-01-29"},
         "Exit code: 0 completed, 1 failed, 9 cancelled. Ctrl-C detaches with 130; the work goes "
         "on."},
        [args](Session& session) { return run_partition(session, *args); }
    );
    argument(*verb, "asset", args->asset, "Name of the asset.")->required();
    argument(*verb, "key", args->key, "Key of the partition.")->required();
    value_flag(*verb, "--reason", args->reason, "TEXT", "Kept as the note of the backfill.");
}

}  // namespace servo::cli
