#include <fmt/format.h>

#include <sstream>

#include "api/page.h"
#include "base/text.h"
#include "cli/field_changes.h"
#include "cli/groups.h"
#include "cli/lever.h"
#include "cli/pages.h"
#include "cli/text.h"
#include "model/settable.h"

namespace servo::cli {
namespace {

constexpr size_t kEventsShownMax = 500;

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
    if (pool.breaker != "closed") {
        return "breaker " + pool.breaker;
    }
    if (pool.limit != 0) {
        return "open for work";
    }
    if (pool.override_info) {
        return "closed by a set";
    }
    return "closed by its window" +
           (pool.limit_until ? " until " + when(*pool.limit_until) : std::string());
}

Tone tone_of(const api::Pool& pool) {
    return pool.hold || pool.breaker != "closed" || pool.limit == 0 ? Tone::kWarn : Tone::kGood;
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
             pool.recent_attempts == 0 ? "-"
                                       : std::to_string(pool.recent_external_failures) + "/" +
                                             std::to_string(pool.recent_attempts),
             pool.override_info ? "set" : "",
             pool.contact,
             hold_text(pool.hold)}
        );
    }
    session.output().list(document);
    return kOk;
}

struct ShowArgs {
    std::string name;
    std::string since;
};

// What happened to the pool, the newest: sets, holds, changes of its breaker.
struct PoolEvents {
    std::vector<api::Event> items;
    bool more = false;
};

Result<PoolEvents> events_of(
    client::Client& client, const api::Pool& pool, const std::string& since
) {
    auto found = SERVO_TRY(collect_pages<api::Event>(
        client::EventQuery{since, pool.name},
        kEventsShownMax,
        [&client](const auto& query) { return client.list_events(query); }
    ));
    std::erase_if(found.items, [&pool](const api::Event& event) {
        return !event.kind.starts_with("pool.") || event.tenant_id != pool.tenant_id;
    });
    return PoolEvents{std::move(found.items), found.next_page_token.has_value()};
}

std::string events_text(const std::vector<api::Event>& events) {
    std::vector<std::string> lines;
    for (const api::Event& event : events) {
        std::string line = when(event.at) + "  " + event.kind.substr(5) + " by " + event.actor;
        lines.push_back(event.detail.empty() ? line : line + ": " + event.detail);
    }
    return lines.empty() ? "nothing happened" : join(lines, "\n");
}

Result<int> show(Session& session, const ShowArgs& args) {
    client::Client* client = SERVO_TRY(session.client());
    const api::Pool pool = SERVO_TRY(client->get_pool(args.name));
    Facts facts;
    facts.add(
        "pool", pool.name + ", " + pool.scope + (pool.tenant_id ? " of " + *pool.tenant_id : "")
    );
    facts.add("state", Cell(state_of(pool), tone_of(pool)));
    facts.add("hold", hold_text(pool.hold));
    facts.add(
        "used",
        std::to_string(pool.used) + " of " + limit_text(pool.limit) +
            (pool.limit_until ? ", more from " + when(*pool.limit_until) + " on" : "")
    );
    facts.add("set", describe_override(pool.override_info));
    for (const api::PoolWindow& window : pool.windows) {
        facts.add(
            "window",
            std::to_string(window.concurrency) + " from \"" + window.cron + "\" for " +
                human_duration(Millis(window.length_ms)) + ", " + window.timezone
        );
    }
    for (const api::PoolCheck& one : pool.checks) {
        const std::string with = join(one.credentials, ", ");
        facts.add("check", one.url + (with.empty() ? "" : " with " + with));
    }
    std::string breaker = pool.breaker;
    breaker += pool.breaker_since ? " since " + when(*pool.breaker_since) : "";
    breaker += pool.next_probe_at ? ", next probe at " + when(*pool.next_probe_at) : "";
    facts.add("breaker", breaker);
    facts.add(
        "external",
        pool.recent_attempts == 0
            ? "no attempt ended since the server began to lead"
            : std::to_string(pool.recent_external_failures) + " of the last " +
                  std::to_string(pool.recent_attempts) + " attempts failed with class external"
    );
    facts.add("contact", pool.contact);
    boost::json::object json = api::to_json(pool);
    if (!args.since.empty()) {
        const PoolEvents events = SERVO_TRY(events_of(*client, pool, args.since));
        facts.add("since " + args.since, events_text(events.items));
        boost::json::array items;
        for (const api::Event& event : events.items) {
            items.push_back(api::to_json(event));
        }
        json["events"] = std::move(items);
        if (events.more) {
            session.output().note(
                "older ones are left out: servo events --subject " + pool.name + " --since " +
                args.since + session.tenant_flag()
            );
        }
    }
    std::ostringstream text;
    facts.print(text, session.output().colour_out());
    session.output().thing({std::move(json), pool.name, text.str()});
    return kOk;
}

const Lever<api::SetPoolRequest> kPool{"pool", &client::Client::set_pool};
const Lever<api::HoldPoolRequest> kHold{"pool", &client::Client::hold_pool};
const Lever<api::HoldPoolRequest> kRelease{"pool", &client::Client::release_pool};

struct SetArgs : LeverArgs {
    std::string concurrency;
};

Result<int> set(Session& session, const SetArgs& args) {
    api::SetPoolRequest request;
    request.concurrency =
        SERVO_TRY(given_number("--concurrency", args.concurrency, 0, model::kConcurrencyMax));
    if (!request.concurrency) {
        return fail(nothing_to_set(kPool.noun, "--concurrency 4"));
    }
    return pull(session, kPool, args, std::move(request), "set");
}

Result<int> hold(Session& session, const LeverArgs& args) {
    const int code = SERVO_TRY(pull(session, kHold, args, {}, "held"));
    session.output().note(
        "release it with: servo pool release " + args.name + session.tenant_flag()
    );
    return code;
}

Result<int> release(Session& session, const LeverArgs& args) {
    return pull(session, kRelease, args, {}, "released");
}

struct CheckArgs {
    std::string name;
    std::string from;
    std::string url;
    std::string timeout;
};

std::string ms(const std::optional<double>& value) {
    return value ? fmt::format("{:.1f}", *value) : "";
}

Result<int> check(Session& session, const CheckArgs& args) {
    api::CheckPoolRequest request;
    request.executor = args.from;
    request.url = args.url;
    if (!args.timeout.empty()) {
        request.timeout_ms = SERVO_TRY(parse_duration(args.timeout)).count();
    }
    client::Client* client = SERVO_TRY(session.client());
    const api::CheckPoolReply reply = SERVO_TRY(client->check_pool(args.name, request));
    session.output().note("from executor " + reply.executor);
    ListDocument document{
        {},
        std::nullopt,
        Table(
            {{"ENDPOINT"},
             {"VERDICT"},
             {"STATUS", Align::kRight},
             {"DNS ms", Align::kRight},
             {"CONNECT ms", Align::kRight},
             {"TLS ms", Align::kRight},
             {"FIRST BYTE ms", Align::kRight},
             {"TOTAL ms", Align::kRight},
             {"ADDRESS", Align::kLeft, true},
             {"MESSAGE"}}
        ),
        {},
        "nothing was measured"};
    for (const api::EndpointResult& one : reply.endpoints) {
        document.items.push_back(api::to_json(one));
        document.names.push_back(one.url);
        document.table.add(
            {one.url,
             Cell(one.verdict, one.verdict == "ok" ? Tone::kGood : Tone::kBad),
             one.status > 0 ? std::to_string(one.status) : "",
             ms(one.dns_ms),
             ms(one.connect_ms),
             ms(one.tls_ms),
             ms(one.first_byte_ms),
             ms(one.total_ms),
             one.address,
             one.message}
        );
    }
    session.output().list(document);
    return reply.ok ? kOk : kFailed;
}

void add_show(Commands& commands, CLI::App& group) {
    auto asked = std::make_shared<ShowArgs>();
    CLI::App* shown = commands.verb(
        group,
        {"show",
         "Show one pool, and with --since what happened to it.",
         {"servo pool show warehouse", "servo pool show warehouse --since 24h"},
         ""},
        [asked](Session& session) { return show(session, *asked); }
    );
    argument(*shown, "pool", asked->name, "Name of the pool.")->required();
    value_flag(
        *shown, "--since", asked->since, "T", "An age (24h), a date or a time: also its events."
    );
}

void add_check(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<CheckArgs>();
    CLI::App* verb = commands.verb(
        group,
        {"check",
         "Measure a pool's endpoints from an executor: DNS, connect, TLS, first byte, status.",
         {"servo pool check warehouse",
          "servo pool check warehouse --from worker-7 --url https://warehouse.internal:8443/"},
         "The endpoints are those under `check:` of the pool in the asset file. Exit 1 when one "
         "does "
         "not answer as it should."},
        [args](Session& session) { return check(session, *args); }
    );
    argument(*verb, "pool", args->name, "Name of the pool.")->required();
    value_flag(*verb, "--from", args->from, "EXECUTOR", "Instead of any that is up.");
    value_flag(
        *verb,
        "--url",
        args->url,
        "URL",
        "Instead of the declared ones, http or https; admins only."
    );
    value_flag(*verb, "--timeout", args->timeout, "TIME", "Of each endpoint (5s).");
}

void add_levers(Commands& commands, CLI::App& group) {
    auto args = std::make_shared<SetArgs>();
    CLI::App* verb = add_lever(
        commands,
        group,
        kPool.noun,
        {"set",
         "Override a pool's concurrency; `apply` keeps the override, `unset` ends it.",
         {"servo pool set warehouse --concurrency 4 --for 2h --reason \"nightly load\""},
         ""},
        args,
        set
    );
    value_flag(
        *verb, "--concurrency", args->concurrency, "N", "Units in use at once; 0 closes the pool."
    );
    add_lever_flags(*verb, *args);
    add_unset(
        commands,
        group,
        kPool,
        {"unset",
         "End a pool's override: it is as declared again.",
         {"servo pool unset warehouse"},
         ""},
        "is as declared again"
    );
    auto held = std::make_shared<LeverArgs>();
    CLI::App* hold_verb = add_lever(
        commands,
        group,
        kHold.noun,
        {"hold",
         "Hold back all work that needs a pool; what runs goes on.",
         {"servo pool hold warehouse --for 1h --reason \"maintenance\""},
         ""},
        held,
        hold
    );
    add_lever_flags(*hold_verb, *held);
    auto released = std::make_shared<LeverArgs>();
    CLI::App* release_verb = add_lever(
        commands,
        group,
        kRelease.noun,
        {"release", "End a hold.", {"servo pool release warehouse"}, ""},
        released,
        release
    );
    add_reason_flag(*release_verb, *released);
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
    add_show(commands, *group);
    add_levers(commands, *group);
    add_check(commands, *group);
}

}  // namespace servo::cli
