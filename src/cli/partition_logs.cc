#include <ostream>

#include "base/text.h"
#include "cli/follow.h"
#include "cli/groups.h"
#include "cli/log_follower.h"

namespace servo::cli {
namespace {

struct LogsArgs {
    std::string asset;
    std::string key;
    std::string attempt = "0";
    std::string backfill;
    bool follow = false;
};

Result<int> show(Session& session, client::Client& client, const LogsArgs& args, int64_t attempt) {
    const api::PartitionLog log =
        SERVO_TRY(client.get_partition_log(args.asset, args.key, attempt, args.backfill));
    if (log.bytes_total > 0 && log.text.empty()) {
        session.output().note(
            "attempt " + std::to_string(log.attempt) + " printed " +
            std::to_string(log.bytes_total) +
            " bytes; none were kept, because its executor's partitions printed too much at once"
        );
    } else if (log.bytes_total > log.text.size()) {
        session.output().note(
            "the last " + std::to_string(log.text.size()) + " of " +
            std::to_string(log.bytes_total) + " bytes of attempt " + std::to_string(log.attempt)
        );
    }
    session.output().thing({api::to_json(log), log.key, log.text});
    return kOk;
}

// Prints what the partition's program printed so far, if it runs. False: the stored log is meant.
Result<bool> show_live(
    Session& session, client::Client& client, const LogsArgs& args, int64_t attempt
) {
    constexpr Millis kExecutorWait{5'000};  // its next heartbeat, and an answer
    if (!session.output().for_people()) {
        return false;
    }
    LogFollower follower(session, client, {args.asset, args.key, args.backfill, attempt});
    for (const Instant until = session.now() + kExecutorWait; session.now() < until;) {
        const bool heard = SERVO_TRY(follower.print_live());
        if (heard || follower.printed_anything()) {
            break;
        }
        if (!client.http().pause(kPollFirst)) {
            break;
        }
    }
    return follower.printed_anything();
}

Result<int> logs(Session& session, const LogsArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    const int64_t attempt = SERVO_TRY(flag_number("--attempt", args.attempt, 0, 1'000'000));
    if (!args.follow) {
        const bool live = SERVO_TRY(show_live(session, *client, args, attempt));
        return live ? Result<int>(kOk) : show(session, *client, args, attempt);
    }
    LogFollower follower(session, *client, {args.asset, args.key, args.backfill, attempt});
    return poll_until(
        session,
        "servo partition logs " + args.asset + " " + args.key + " -f",
        std::nullopt,
        [&follower] { return follower.step(); },
        kPollFirst
    );
}

}  // namespace

void add_partition_logs(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<LogsArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"logs",
         "Print what a partition's program prints while it runs, and the stored end of it "
         "afterwards.",
         {"servo partition logs orders 2024-01-29",
          "servo partition logs orders 2024-01-29 -f",
          "servo partition logs orders 2024-01-29 --attempt 1"},
         "Stored are the last 64 KiB of an attempt; of quick successes that print much, less. "
         "Ctrl-C "
         "on -f detaches with 130; the work goes on."},
        [args](Session& session) { return logs(session, *args); }
    );
    argument(*verb, "asset", args->asset, "Name of the asset.")->required();
    argument(*verb, "key", args->key, "Key of the partition.")->required();
    value_flag(*verb, "--attempt", args->attempt, "N", "Of this attempt, not the latest.");
    value_flag(*verb, "--backfill", args->backfill, "ID", "Of this backfill, not the latest.");
    switch_flag(*verb, "-f,--follow", args->follow, "Go on until the partition has ended.");
}

}  // namespace servo::cli
