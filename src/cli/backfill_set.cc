#include "base/text.h"
#include "cli/groups.h"
#include "cli/lever.h"
#include "cli/selection.h"
#include "cli/text.h"
#include "model/job.h"
#include "model/settable.h"

namespace servo::cli {
namespace {

struct SetArgs {
    LeverArgs lever;  // its name is the id
    std::string priority;
    std::string deadline;
    std::string max_concurrency;
    std::string max_failures;
    std::string timeout;
    std::string memory;
    std::string max_attempts;
    std::string revision;
};

std::optional<std::string> given(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<api::SettingsRequest> request_of(const SetArgs& args) {
    api::SettingsRequest request;
    if (!args.priority.empty()) {
        request.priority = SERVO_TRY(
            flag_number("--priority", args.priority, model::kPriorityMin, model::kPriorityMax)
        );
    }
    if (!args.max_concurrency.empty()) {
        request.max_concurrency = SERVO_TRY(
            flag_number("--max-concurrency", args.max_concurrency, 0, model::kConcurrencyMax)
        );
    }
    request.sla_deadline = given(args.deadline);
    request.max_failures = given(args.max_failures);
    request.timeout = given(args.timeout);
    request.memory = given(args.memory);
    request.max_attempts = given(args.max_attempts);
    request.revision = given(args.revision);
    request.reason = args.lever.reason;
    request.hold_for = args.lever.hold_for;
    if (!request.priority && !request.max_concurrency && !request.sla_deadline &&
        !request.max_failures && !request.timeout && !request.memory && !request.max_attempts &&
        !request.revision) {
        return fail(invalid_argument(
            "usage",
            "servo backfill set: nothing to set; for example --priority 5. See `servo backfill set "
            "--help`."
        ));
    }
    return request;
}

Result<int> set(Session& session, const SetArgs& args) {
    SERVO_CHECK(check_lever(args.lever));
    const api::SettingsRequest request = SERVO_TRY(request_of(args));
    keep_groups_whole(session, {args.lever.name});
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(echo_before(session));
    const std::string id = SERVO_TRY(resolve_id(*client, args.lever.name));
    const api::ActionReply reply = SERVO_TRY(client->set_backfill(id, request));
    SERVO_CHECK(echo_after(session, reply.items));
    ListDocument document{
        {},
        std::nullopt,
        Table({{"ID"}, {"TENANT"}, {"STATE"}, {"CHANGED"}, {"RANK", Align::kRight}}),
        {},
        ""};
    const std::string done = args.lever.hold_for.empty() ? "set" : "set for " + args.lever.hold_for;
    for (const api::ActionResult& one : reply.items) {
        document.items.push_back(api::to_json(one));
        document.names.push_back(one.id);
        document.table.add(
            {one.id,
             one.tenant_id,
             Cell(one.state, tone_of_state(one.state)),
             one.changed ? done : "already so",
             one.rank > 0 ? std::to_string(one.rank) : "-"}
        );
    }
    session.output().list(document);
    return kOk;
}

}  // namespace

void add_backfill_set(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<SetArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"set",
         "Change a backfill while it lives; takes effect at the next grant.",
         {"servo backfill set bf_7k2m --priority 5",
          "servo backfill set bf_7k2m --timeout 2h --memory 4Gi --reason \"larger days\"",
          "servo backfill set bf_7k2m --max-concurrency 2 --for 2h --reason \"month end\"",
          "servo backfill set bf_7k2m --revision latest"},
         "Prints the new rank. `none` sets a value back to what the asset says. With --for the "
         "values "
         "hold for that time, and then what lasts holds again; a set of the same value without "
         "--for "
         "ends that at once."},
        [args](Session& session) { return set(session, *args); }
    );
    argument(*verb, "id", args->lever.name, "Id of a backfill or group; a unique prefix is enough.")
        ->required();
    value_flag(*verb, "--priority", args->priority, "N", "-10 to 10, higher first.");
    value_flag(*verb, "--sla-deadline", args->deadline, "T", "RFC 3339, a date, +72h, or none.");
    value_flag(
        *verb, "--max-concurrency", args->max_concurrency, "N", "Most slots at once; 0 = no limit."
    );
    value_flag(
        *verb,
        "--max-failures",
        args->max_failures,
        "N|P%",
        "Pause beyond this many failures, or none."
    );
    value_flag(*verb, "--timeout", args->timeout, "TIME", "Of one partition, or none.");
    value_flag(*verb, "--memory", args->memory, "SIZE", "Of one partition (2Gi), or none.");
    value_flag(
        *verb, "--max-attempts", args->max_attempts, "N", "Attempts of a partition, or none."
    );
    value_flag(
        *verb, "--revision", args->revision, "latest", "Go on with the asset's latest revision."
    );
    add_lever_flags(*verb, args->lever);
}

}  // namespace servo::cli
