#include <sstream>

#include "base/text.h"
#include "cli/field_changes.h"
#include "cli/groups.h"
#include "cli/lever.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

constexpr int64_t kConcurrencyMax = 1'000'000;

std::string limit_text(const std::optional<int64_t>& limit) {
    return limit ? std::to_string(*limit) : "none";
}

std::string hold_text(const std::optional<api::PoolHold>& hold) {
    if (!hold) {
        return "";
    }
    std::string text = "by " + hold->by + " since " + when(hold->since);
    text += hold->until ? " until " + when(*hold->until) : "";
    return hold->reason.empty() ? text : text + ": " + hold->reason;
}

std::string state_of(const api::Pool& pool) {
    if (pool.hold) {
        return "held";
    }
    return pool.breaker == "closed" ? "open for work" : "breaker " + pool.breaker;
}

Tone tone_of(const api::Pool& pool) {
    return pool.hold || pool.breaker != "closed" ? Tone::kWarn : Tone::kGood;
}

Result<int> list(Session& session) {
    client::Client* client = SERVO_TRY(session.client());
    const api::List<api::Pool> pools = SERVO_TRY(client->list_pools());
    ListDocument document{
        {},
        std::nullopt,
        Table(
            {{"POOL"},
             {"SCOPE"},
             {"STATE"},
             {"USED", Align::kRight},
             {"LIMIT", Align::kRight},
             {"PER TENANT", Align::kRight},
             {"EXTERNAL", Align::kRight},
             {"SET"},
             {"CONTACT"},
             {"HOLD", Align::kLeft, true}}
        ),
        {},
        "no pools; declare them under `pools:` in the asset file"};
    for (const api::Pool& pool : pools.items) {
        document.items.push_back(api::to_json(pool));
        document.names.push_back(pool.name);
        document.table.add(
            {pool.name,
             pool.tenant_id.value_or("shared"),
             Cell(state_of(pool), tone_of(pool)),
             std::to_string(pool.used),
             limit_text(pool.limit),
             pool.per_tenant_concurrency > 0 ? std::to_string(pool.per_tenant_concurrency) : "none",
             std::to_string(pool.recent_external_failures) + "/" +
                 std::to_string(pool.recent_attempts),
             pool.override_info ? "set" : "",
             pool.contact,
             hold_text(pool.hold)}
        );
    }
    session.output().list(document);
    return kOk;
}

Result<int> show(Session& session, const std::string& name) {
    client::Client* client = SERVO_TRY(session.client());
    const api::Pool pool = SERVO_TRY(client->get_pool(name));
    Facts facts;
    facts.add(
        "pool", pool.name + ", " + pool.scope + (pool.tenant_id ? " of " + *pool.tenant_id : "")
    );
    facts.add("state", Cell(state_of(pool), tone_of(pool)));
    facts.add("hold", hold_text(pool.hold));
    facts.add("used", std::to_string(pool.used) + " of " + limit_text(pool.limit));
    facts.add("set", describe_override(pool.override_info));
    for (const api::PoolWindow& window : pool.windows) {
        facts.add(
            "window",
            std::to_string(window.concurrency) + " from \"" + window.cron + "\" for " +
                human_duration(Millis(window.length_ms)) + ", " + window.timezone
        );
    }
    std::string breaker = pool.breaker;
    breaker += pool.breaker_since ? " since " + when(*pool.breaker_since) : "";
    breaker += pool.next_probe_at ? ", next probe at " + when(*pool.next_probe_at) : "";
    facts.add("breaker", breaker);
    facts.add(
        "external",
        std::to_string(pool.recent_external_failures) + " of the last " +
            std::to_string(pool.recent_attempts) + " attempts failed with class external"
    );
    facts.add("contact", pool.contact);
    std::ostringstream text;
    facts.print(text, session.output().colour_out());
    session.output().thing({api::to_json(pool), pool.name, text.str()});
    return kOk;
}

struct SetArgs : LeverArgs {
    std::string concurrency;
};

Result<int> set(Session& session, const SetArgs& args) {
    api::SetPoolRequest request;
    request.concurrency =
        SERVO_TRY(given_number("--concurrency", args.concurrency, 0, kConcurrencyMax));
    if (!request.concurrency) {
        return fail(invalid_argument(
            "usage", "servo pool set: nothing to set; for example --concurrency 4."
        ));
    }
    SERVO_CHECK(check_lever(args));
    request.hold_for = args.hold_for;
    request.reason = args.reason;
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    print_changed(
        session, SERVO_TRY(client->set_pool(args.name, request)), "pool", args.name, "set"
    );
    return kOk;
}

Result<int> unset(Session& session, const LeverArgs& args) {
    api::SetPoolRequest request;
    request.unset = true;
    request.reason = args.reason;
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    print_changed(
        session,
        SERVO_TRY(client->set_pool(args.name, request)),
        "pool",
        args.name,
        "is as declared again"
    );
    return kOk;
}

Result<int> hold(Session& session, const LeverArgs& args) {
    SERVO_CHECK(check_lever(args));
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    const api::Changed reply =
        SERVO_TRY(client->hold_pool(args.name, {args.hold_for, args.reason}));
    print_changed(session, reply, "pool", args.name, "held");
    session.output().note(
        "release it with: servo pool release " + args.name + session.tenant_flag()
    );
    return kOk;
}

Result<int> release(Session& session, const LeverArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    SERVO_CHECK(session.echo_change());
    const api::Changed reply = SERVO_TRY(client->release_pool(args.name, {"", args.reason}));
    print_changed(session, reply, "pool", args.name, "released");
    return kOk;
}

CLI::App* add_lever(
    Commands& commands,
    CLI::App& group,
    const VerbText& text,
    Result<int> (*run)(Session&, const LeverArgs&),
    bool with_for
) {
    auto args = std::make_shared<LeverArgs>();
    CLI::App* verb =
        commands.verb(group, text, [args, run](Session& session) { return run(session, *args); });
    argument(*verb, "pool", args->name, "Name of the pool.")->required();
    if (with_for) {
        add_lever_flags(*verb, *args);
    } else {
        value_flag(*verb, "--reason", args->reason, "TEXT", "Why; kept in the audit trail.");
    }
    return verb;
}

}  // namespace

void add_pool_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"pool",
         "Outside systems that partitions share: their limits, holds and breakers.",
         {"servo pool list",
          "servo pool set warehouse --concurrency 4 --for 2h --reason \"nightly load\"",
          "servo pool hold warehouse --for 1h --reason \"maintenance\""},
         ""}
    );
    commands.verb(
        *group,
        {"list", "List pools: limits in force, use, holds and breakers.", {"servo pool list"}, ""},
        list
    );
    auto name = std::make_shared<std::string>();
    CLI::App* shown = commands.verb(
        *group,
        {"show", "Show one pool.", {"servo pool show warehouse"}, ""},
        [name](Session& session) { return show(session, *name); }
    );
    argument(*shown, "pool", *name, "Name of the pool.")->required();
    commands.reserved_flag(*shown, "--since", true);
    auto args = std::make_shared<SetArgs>();
    CLI::App* verb = commands.verb(
        *group,
        {"set",
         "Override a pool's concurrency; `apply` keeps the override, `unset` ends it.",
         {"servo pool set warehouse --concurrency 4 --for 2h --reason \"nightly load\""},
         ""},
        [args](Session& session) { return set(session, *args); }
    );
    argument(*verb, "pool", args->name, "Name of the pool.")->required();
    value_flag(
        *verb, "--concurrency", args->concurrency, "N", "Units in use at once; 0 = no limit."
    );
    add_lever_flags(*verb, *args);
    add_lever(
        commands,
        *group,
        {"unset",
         "End a pool's override: it is as declared again.",
         {"servo pool unset warehouse"},
         ""},
        unset,
        false
    );
    add_lever(
        commands,
        *group,
        {"hold",
         "Hold back all work that needs a pool; what runs goes on.",
         {"servo pool hold warehouse --for 1h --reason \"maintenance\""},
         ""},
        hold,
        true
    );
    add_lever(
        commands,
        *group,
        {"release", "End a hold.", {"servo pool release warehouse"}, ""},
        release,
        false
    );
    commands.reserved_verb(*group, "check", "Measure a pool's endpoints from an executor.");
}

}  // namespace servo::cli
