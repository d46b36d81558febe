#include "model/tenant.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "cli/field_changes.h"
#include "cli/groups.h"
#include "cli/lever.h"
#include "cli/text.h"
#include "model/settable.h"

namespace servo::cli {
namespace {

constexpr int64_t kPendingMax = 1'000'000'000'000;

std::string limit_text(int64_t limit) {
    return limit > 0 ? with_commas(limit) : "none";
}

// "max pending 10 instead of 1,000; by ann since …": which limits an override changes, and whose it
// is. One that changes none stands there all the same, until `unset`.
std::string override_text(const api::Tenant& tenant) {
    if (!tenant.override_info) {
        return "";
    }
    std::vector<std::string> limits;
    for (const api::FieldChange& one : tenant.overridden) {
        const auto text = [](const std::optional<std::string>& value) {
            const auto number = parse_integer(value.value_or(""), 0, INT64_MAX);
            return number ? limit_text(*number) : value.value_or("");
        };
        std::string name = one.field;
        std::replace(name.begin(), name.end(), '_', ' ');
        limits.push_back(name + ' ' + text(one.after) + " instead of " + text(one.before));
    }
    return (limits.empty() ? "nothing that differs from the defaults" : join(limits, ", ")) + "; " +
           describe_override(tenant.override_info);
}

Result<int> list(Session& session) {
    client::Client* client = SERVO_TRY(session.client());
    const api::List<api::Tenant> tenants = SERVO_TRY(client->list_tenants());
    ListDocument document{
        {},
        std::nullopt,
        Table(
            {{"TENANT"},
             {"WEIGHT", Align::kRight},
             {"SHARE", Align::kRight},
             {"SLOTS", Align::kRight},
             {"MAX", Align::kRight},
             {"OPEN", Align::kRight},
             {"PENDING", Align::kRight},
             {"MAX PENDING", Align::kRight},
             {"SET"},
             {"SET BY", Align::kLeft, true}}
        ),
        {},
        "no tenants; `servo apply -f servo.yaml` makes them"};
    for (const api::Tenant& tenant : tenants.items) {
        document.items.push_back(api::to_json(tenant));
        document.names.push_back(tenant.name);
        document.table.add(
            {tenant.name,
             std::to_string(tenant.weight),
             fmt::format("{:.0f}%", 100 * tenant.fair_share),
             std::to_string(tenant.slots),
             limit_text(tenant.max_concurrency),
             std::to_string(tenant.open_backfills),
             count(tenant.pending_partitions),
             limit_text(tenant.max_pending),
             tenant.override_info ? "set" : "",
             override_text(tenant)}
        );
    }
    session.output().list(document);
    return kOk;
}

Result<int> show(Session& session, const std::string& name) {
    client::Client* client = SERVO_TRY(session.client());
    const api::Tenant tenant = SERVO_TRY(client->get_tenant(name));
    Facts facts;
    facts.add("tenant", tenant.name);
    facts.add(
        "weight",
        std::to_string(tenant.weight) +
            fmt::format(", {:.0f}% of the slots among tenants with work", 100 * tenant.fair_share)
    );
    facts.add("slots", std::to_string(tenant.slots) + " of " + limit_text(tenant.max_concurrency));
    facts.add(
        "open", counted(static_cast<uint64_t>(tenant.open_backfills), "backfill", "backfills")
    );
    facts.add(
        "pending",
        count(tenant.pending_partitions) + " of at most " + limit_text(tenant.max_pending)
    );
    facts.add("set", override_text(tenant));
    facts.add("since", when(tenant.created_at));
    std::ostringstream text;
    facts.print(text, session.output().colour_out());
    session.output().thing({api::to_json(tenant), tenant.name, text.str()});
    return kOk;
}

const Lever<api::SetTenantRequest> kTenant{"tenant", &client::Client::set_tenant, true};

struct SetArgs : LeverArgs {
    std::string weight;
    std::string max_concurrency;
    std::string max_pending;
};

Result<int> set(Session& session, const SetArgs& args) {
    api::SetTenantRequest request;
    request.weight = SERVO_TRY(given_number("--weight", args.weight, 1, model::kTenantWeightMax));
    request.max_concurrency =
        SERVO_TRY(given_number("--max-concurrency", args.max_concurrency, 0, model::kConcurrencyMax)
        );
    request.max_pending =
        SERVO_TRY(given_number("--max-pending", args.max_pending, 0, kPendingMax));
    if (!request.weight && !request.max_concurrency && !request.max_pending) {
        return fail(nothing_to_set(kTenant.noun, "--weight 200"));
    }
    const int code = SERVO_TRY(pull(session, kTenant, args, std::move(request), "set"));
    // All that is set ends together: who sets one limit sees what else goes along.
    client::Client* client = SERVO_TRY(session.client());
    if (const auto now = client->get_tenant(args.name); now && now->override_info) {
        session.output().note("set: " + override_text(*now));
    }
    return code;
}

}  // namespace

void add_tenant_commands(Commands& commands) {
    CLI::App* group = commands.group(
        commands.root(),
        {"tenant",
         "Tenants: their shares and limits (admin).",
         {"servo tenant list",
          "servo tenant set acme --weight 200 --for 1d --reason \"month end\""},
         ""}
    );
    commands.verb(
        *group,
        {"list", "List tenants: weights, shares, limits, open work.", {"servo tenant list"}, ""},
        list
    );
    auto name = std::make_shared<std::string>();
    CLI::App* shown = commands.verb(
        *group,
        {"show", "Show one tenant.", {"servo tenant show acme"}, ""},
        [name](Session& session) { return show(session, *name); }
    );
    argument(*shown, "tenant", *name, "Name of the tenant.")->required();
    auto args = std::make_shared<SetArgs>();
    CLI::App* verb = add_lever(
        commands,
        *group,
        kTenant.noun,
        {"set",
         "Override a tenant's weight and limits; `unset` ends it.",
         {"servo tenant set acme --weight 200 --for 1d --reason \"month end\"",
          "servo tenant set acme --max-concurrency 16"},
         ""},
        args,
        set
    );
    value_flag(*verb, "--weight", args->weight, "N", "1 to 1000; 100 is the default.");
    value_flag(
        *verb, "--max-concurrency", args->max_concurrency, "N", "Slots at once; 0 = no limit."
    );
    value_flag(*verb, "--max-pending", args->max_pending, "N", "Partitions not yet finished.");
    add_lever_flags(*verb, *args);
    add_unset(
        commands,
        *group,
        kTenant,
        {"unset", "End a tenant's override.", {"servo tenant unset acme"}, ""},
        "has its defaults again"
    );
}

}  // namespace servo::cli
