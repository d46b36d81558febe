#include "base/text.h"
#include "cli/follow.h"
#include "cli/groups.h"
#include "cli/selection.h"

namespace servo::cli {
namespace {

struct WaitArgs {
    JobChoice choice;
    std::string timeout;
};

Result<int> wait(Session& session, const WaitArgs& args) {
    std::optional<Instant> until;
    if (!args.timeout.empty()) {
        until = session.now() + SERVO_TRY(parse_duration(args.timeout));
    }
    const auto ids = SERVO_TRY(choose_jobs(session, args.choice, "open"));
    if (ids.empty()) {
        session.output().note("nothing to wait for: no open backfill fits");
        return kOk;
    }
    return wait_for_backfills(session, ids, until);
}

}  // namespace

void add_backfill_wait(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<WaitArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"wait",
         "Wait until backfills have ended.",
         {"servo backfill wait bf_7k2m --timeout 2h",
          "servo backfill wait $(servo backfill start orders --start 2024-01-01)"},
         "Exit code: 0 completed, 1 failed, 9 cancelled, 7 timed out. Ctrl-C detaches with 130; "
         "the "
         "work goes on."},
        [args](Session& session) { return wait(session, *args); }
    );
    add_job_choice(*verb, args->choice);
    value_flag(
        *verb, "--timeout", args->timeout, "TIME", "Give up after this (2h); the work goes on."
    );
}

}  // namespace servo::cli
