#include "cli/explanation.h"
#include "cli/groups.h"
#include "cli/selection.h"

namespace servo::cli {
namespace {

struct ExplainArgs {
    std::string id;
    std::string partition;
};

// The backfills of a group, one section each.
Result<int> explain_group(
    Session& session, const std::string& group, const std::string& partition
) {
    if (!partition.empty()) {
        return fail(invalid_argument(
            "usage",
            group +
                " is a group: --partition goes with one of its backfills; `servo backfill "
                "list --group " +
                group + "` shows them."
        ));
    }
    client::Client* client = SERVO_TRY(session.client());
    boost::json::array answers;
    std::string text;
    for (const api::Backfill& job : SERVO_TRY(backfills_of_group(*client, group))) {
        const api::Explanation answer = SERVO_TRY(client->explain_backfill(job.id, ""));
        answers.push_back(api::to_json(answer));
        text += (text.empty() ? "" : "\n") + explanation_text(session, answer);
    }
    session.output().thing({boost::json::object{{"items", std::move(answers)}}, group, text});
    return kOk;
}

Result<int> explain(Session& session, const ExplainArgs& args) {
    keep_groups_whole(session, {args.id});
    client::Client* client = SERVO_TRY(session.client());
    const std::string id = SERVO_TRY(resolve_id(*client, args.id));
    if (is_group_id(id)) {
        return explain_group(session, id, args.partition);
    }
    const api::Explanation answer = SERVO_TRY(client->explain_backfill(id, args.partition));
    print_explanation(session, answer);
    return kOk;
}

}  // namespace

void add_backfill_explain(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<ExplainArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"explain",
         "Say why a backfill, or one partition of it, is not running, since when, and what would "
         "release it.",
         {"servo backfill explain bf_7k2m",
          "servo backfill explain bf_7k2m --partition 2024-01-29"},
         ""},
        [args](Session& session) { return explain(session, *args); }
    );
    argument(*verb, "id", args->id, "Id of a backfill or group; a unique prefix is enough.")
        ->required();
    value_flag(*verb, "--partition", args->partition, "KEY", "Of this partition only.");
}

}  // namespace servo::cli
