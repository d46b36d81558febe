#include "server/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/job_id.h"

namespace servo::server {
namespace {

using namespace model;

constexpr std::string_view kDefaultTenant = "default";
constexpr size_t kNamedInMessageMax = 10;
constexpr std::string_view kGroupPrefix = "grp_";
// Stored jobs are not sorted by group, so the beginning of a group's id is looked for in the
// newest.
constexpr int kGroupPageJobs = 200;
constexpr int kGroupPagesMax = 50;

struct AssetLookup {
    std::vector<AssetRef> found;
    std::vector<std::string> known;  // names to suggest, of tenants that the caller may see
};

// Every asset called `name`, of `tenant` or (empty) of all.
Result<AssetLookup> look_up(Call& call, const std::string& name, const std::string& tenant) {
    return call.backend.read([name, tenant](const core::Scheduler& scheduler, Instant) {
        AssetLookup out;
        for (const AssetHead& head : scheduler.assets()) {
            const auto row = scheduler.tenant(head.tenant);
            if (!row || (!tenant.empty() && row->name != tenant)) {
                continue;
            }
            if (head.name != name) {
                out.known.push_back(head.name);
                continue;
            }
            out.found.push_back({*row, head, scheduler.revision(head.id, head.latest_revision)});
        }
        return out;
    });
}

Error no_such_asset(const std::string& name, const std::string& tenant, const AssetLookup& lookup) {
    const std::string whose = tenant.empty() ? "" : fmt::format(" of tenant {}", tenant);
    return not_found(
        "no_such_asset",
        fmt::format(
            "There is no asset \"{}\"{}.{} `servo asset list` shows them.",
            name,
            whose,
            did_you_mean(name, lookup.known)
        )
    );
}

Error ambiguous_tenant(const std::string& name, const std::vector<AssetRef>& found) {
    std::vector<std::string> tenants;
    for (const AssetRef& ref : found) {
        if (tenants.size() < kNamedInMessageMax) {
            tenants.push_back(ref.tenant.name);
        }
    }
    return invalid_argument(
        "ambiguous_tenant",
        fmt::format(
            "{} tenants have an asset \"{}\" ({}{}); say which: --tenant {}",
            found.size(),
            name,
            join(tenants, ", "),
            found.size() > tenants.size() ? ", …" : "",
            tenants.front()
        )
    );
}

Error no_such_backfill(const std::string& text) {
    return not_found(
        "no_such_backfill",
        fmt::format("There is no backfill \"{}\"; `servo backfill list` shows them.", text)
    );
}

bool visible(const Call& call, const std::string& tenant_name) {
    return (call.tenant.empty() || call.tenant == tenant_name);
}

core::JobView view_of_row(const store::JobPage::Item& item) {
    core::JobView view;
    view.row = item.row;
    view.counters = item.counters;
    view.pending = item.total - std::min(item.total, item.counters.finished());
    return view;
}

// A job by its exact id; absent when it does not exist or is not the caller's to see.
Result<std::optional<JobRef>> job_by_id(Call& call, JobId id) {
    auto live = SERVO_TRY(call.backend.read([id](const core::Scheduler& scheduler, Instant now) {
        return scheduler.job(id, now);
    }));
    if (live) {
        return visible(call, live->tenant_name) ? std::optional(JobRef{std::move(*live), true})
                                                : std::nullopt;
    }
    const auto stored = SERVO_TRY(call.history->job(id));
    if (!stored) {
        return std::optional<JobRef>();
    }
    if (!is_terminal(stored->row.state)) {
        SERVO_CHECK(call.needs_what_runs());
    }
    JobRef out{view_of_row(*stored), false};
    const Names names = SERVO_TRY(read_names(call.backend));
    const auto tenant = names.tenants.find(stored->row.tenant);
    const auto asset = names.assets.find(stored->row.asset);
    out.view.tenant_name = tenant == names.tenants.end() ? "" : tenant->second;
    out.view.asset_name = asset == names.assets.end() ? "" : asset->second;
    return visible(call, out.view.tenant_name) ? std::optional(std::move(out)) : std::nullopt;
}

Error ambiguous_id(const std::string& text, const std::string& one, const std::string& other) {
    return invalid_argument(
        "ambiguous_id",
        fmt::format(
            "\"{}\" is the beginning of several ids, such as {} and {}; type more of it.",
            text,
            one,
            other
        )
    );
}

// With no states a filter means "open or lately ended"; an id may name any job.
std::vector<JobState> every_state() {
    std::vector<JobState> out;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        out.push_back(static_cast<JobState>(i));
    }
    return out;
}

Result<JobId> job_by_prefix(Call& call, const std::string& text) {
    const JobIdRange range = SERVO_TRY(parse_job_id_prefix(text));
    store::JobFilter filter;
    filter.tenant = SERVO_TRY(tenant_filter(call));
    filter.id_range = std::pair(range.first, range.last);
    filter.states = every_state();
    const store::JobPage page = SERVO_TRY(call.history->jobs(filter, 2, ""));
    if (page.items.empty()) {
        return fail(no_such_backfill(text));
    }
    if (page.items.size() > 1) {
        return fail(ambiguous_id(text, to_text(page.items[0].row.id), to_text(page.items[1].row.id))
        );
    }
    return page.items[0].row.id;
}

// Of the groups that newer jobs belong to, those whose id lies in the range.
Result<std::set<GroupId>> groups_within(Call& call, const JobIdRange& range) {
    store::JobFilter filter;
    filter.tenant = SERVO_TRY(tenant_filter(call));
    filter.states = every_state();
    std::set<GroupId> out;
    std::string token;
    for (int i = 0; i < kGroupPagesMax && (i == 0 || !token.empty()); ++i) {
        store::JobPage page = SERVO_TRY(call.history->jobs(filter, kGroupPageJobs, token));
        for (const store::JobPage::Item& item : page.items) {
            const GroupId group = item.row.group;
            if (group && range.first <= group.value && group.value <= range.last) {
                out.insert(group);
            }
        }
        token = std::move(page.next_page_token);
    }
    return out;
}

}  // namespace

Result<TenantRow> find_tenant(Call& call, const std::string& name) {
    struct Found {
        std::optional<TenantRow> row;
        std::vector<std::string> known;
    };
    const bool suggests = call.sees_all_tenants();
    Found found = SERVO_TRY(
        call.backend.read([name, suggests](const core::Scheduler& scheduler, Instant now) {
            Found out{scheduler.find_tenant(name), {}};
            if (!out.row && suggests) {
                for (const core::TenantView& view : scheduler.tenants(now)) {
                    out.known.push_back(view.row.name);
                }
            }
            return out;
        })
    );
    if (!found.row || (!call.principal.tenant.empty() && call.principal.tenant != name)) {
        return fail(not_found(
            "no_such_tenant",
            fmt::format("There is no tenant \"{}\".{}", name, did_you_mean(name, found.known))
        ));
    }
    return std::move(*found.row);
}

Result<TenantId> tenant_filter(Call& call) {
    if (call.tenant.empty()) {
        return TenantId{};
    }
    return SERVO_TRY(find_tenant(call, call.tenant)).id;
}

Result<AssetRef> find_asset(Call& call, const std::string& name) {
    if (!call.tenant.empty()) {
        SERVO_TRY(find_tenant(call, call.tenant));
    }
    AssetLookup lookup = SERVO_TRY(look_up(call, name, call.tenant));
    if (lookup.found.empty()) {
        return fail(no_such_asset(name, call.tenant, lookup));
    }
    if (lookup.found.size() == 1) {
        return std::move(lookup.found.front());
    }
    for (AssetRef& ref : lookup.found) {
        if (ref.tenant.name == kDefaultTenant) {
            return std::move(ref);
        }
    }
    return fail(ambiguous_tenant(name, lookup.found));
}

Result<std::vector<AssetRef>> find_assets(
    Call& call, const std::string& name, const std::vector<std::string>& tenants
) {
    std::vector<AssetRef> out;
    for (const std::string& tenant : tenants) {
        SERVO_TRY(find_tenant(call, tenant));
        AssetLookup lookup = SERVO_TRY(look_up(call, name, tenant));
        if (lookup.found.empty()) {
            return fail(no_such_asset(name, tenant, lookup));
        }
        out.push_back(std::move(lookup.found.front()));
    }
    return out;
}

Result<std::vector<AssetRef>> find_assets_of_all(Call& call, const std::string& name) {
    AssetLookup lookup = SERVO_TRY(look_up(call, name, call.principal.tenant));
    if (lookup.found.empty()) {
        return fail(no_such_asset(name, "", lookup));
    }
    return std::move(lookup.found);
}

Result<JobId> find_job_id(Call& call, const std::string& text) {
    if (is_group(text)) {
        return fail(invalid_argument(
            "bad_id",
            fmt::format(
                "{} is a group, and this is about one backfill: servo backfill list --group {}",
                text,
                text
            )
        ));
    }
    const auto exact = parse_job_id(text);
    return exact ? *exact : SERVO_TRY(job_by_prefix(call, text));
}

Result<JobRef> find_job(Call& call, const std::string& text) {
    const JobId id = SERVO_TRY(find_job_id(call, text));
    auto found = SERVO_TRY(job_by_id(call, id));
    if (!found) {
        return fail(no_such_backfill(text));
    }
    return std::move(*found);
}

Result<GroupId> find_group(Call& call, const std::string& text) {
    const auto exact = parse_group_id(text);
    const std::string body =
        text.starts_with(kGroupPrefix) ? text.substr(kGroupPrefix.size()) : std::string();
    if (exact || body.empty() || body.size() >= kIdCharacters) {
        return exact;
    }
    const auto range = parse_job_id_prefix(body);
    if (!range) {
        return fail(invalid_argument(
            "bad_id",
            fmt::format(
                "\"{}\" does not begin the id of a group: that is \"{}\" and characters 0-9, a-z.",
                utf8_front(text, 60),
                kGroupPrefix
            )
        ));
    }
    const std::set<GroupId> found = SERVO_TRY(groups_within(call, *range));
    if (found.empty()) {
        return fail(not_found(
            "no_such_group",
            fmt::format(
                "No group of the newest {} backfills has an id that begins with \"{}\"; `servo "
                "backfill list -o wide` shows groups. An older one needs its full id.",
                kGroupPageJobs * kGroupPagesMax,
                text
            )
        ));
    }
    if (found.size() > 1) {
        return fail(ambiguous_id(text, to_text(*found.begin()), to_text(*found.rbegin())));
    }
    return *found.begin();
}

bool is_group(std::string_view text) {
    return text.starts_with(kGroupPrefix);
}

Result<std::vector<store::JobPage::Item>> stored_jobs_of_group(
    Call& call, const std::string& text
) {
    store::JobFilter filter;
    filter.tenant = SERVO_TRY(tenant_filter(call));
    filter.group = SERVO_TRY(find_group(call, text));
    filter.states = every_state();
    store::JobPage page =
        SERVO_TRY(call.history->jobs(filter, static_cast<int>(api::kTenantsPerStartMax), ""));
    if (page.items.empty()) {
        return fail(no_such_backfill(text));
    }
    return std::move(page.items);
}

Result<std::vector<JobRef>> find_jobs(Call& call, const std::string& text) {
    std::vector<JobRef> out;
    if (!is_group(text)) {
        out.push_back(SERVO_TRY(find_job(call, text)));
        return out;
    }
    const auto stored = SERVO_TRY(stored_jobs_of_group(call, text));
    for (auto item = stored.rbegin(); item != stored.rend(); ++item) {
        auto found = SERVO_TRY(job_by_id(call, item->row.id));
        if (found) {
            out.push_back(std::move(*found));
        }
    }
    if (out.empty()) {
        return fail(no_such_backfill(text));
    }
    return out;
}

Result<std::shared_ptr<const AssetRevision>> find_revision(
    Call& call, AssetId asset, int revision
) {
    auto live =
        SERVO_TRY(call.backend.read([asset, revision](const core::Scheduler& scheduler, Instant) {
            return scheduler.revision(asset, revision);
        }));
    if (!live) {
        live = SERVO_TRY(call.history->revision(asset, revision));
    }
    if (!live) {
        return fail(
            not_found("no_such_revision", fmt::format("The asset has no revision {}.", revision))
        );
    }
    return live;
}

Result<Names> read_names(Backend& backend) {
    return backend.read([](const core::Scheduler& scheduler, Instant now) {
        Names out;
        for (const core::TenantView& tenant : scheduler.tenants(now)) {
            out.tenants[tenant.row.id] = tenant.row.name;
        }
        for (const AssetHead& asset : scheduler.assets()) {
            out.assets[asset.id] = asset.name;
        }
        for (const core::ExecutorView& executor : scheduler.executors(now)) {
            out.executors[executor.row.id] = executor.row.name;
        }
        return out;
    });
}

Result<std::vector<std::string>> downstream_of(
    Backend& backend, TenantId tenant, const std::string& asset
) {
    using Parents = std::map<std::string, std::vector<std::string>>;  // asset → what it builds on
    const Parents parents =
        SERVO_TRY(backend.read([tenant](const core::Scheduler& scheduler, Instant) {
            Parents out;
            for (const AssetHead& head : scheduler.assets()) {
                const auto revision = head.tenant == tenant && !head.archived
                                          ? scheduler.revision(head.id, head.latest_revision)
                                          : nullptr;
                if (revision) {
                    for (const auto& [name, link] : revision->spec.upstream) {
                        out[head.name].push_back(name);
                    }
                }
            }
            return out;
        }));
    std::vector<std::string> found;
    std::vector<std::string> frontier = {asset};
    while (!frontier.empty()) {
        std::vector<std::string> next;
        for (const auto& [name, above] : parents) {
            const bool builds_on =
                std::any_of(above.begin(), above.end(), [&](const std::string& parent) {
                    return std::find(frontier.begin(), frontier.end(), parent) != frontier.end();
                });
            if (builds_on && name != asset &&
                std::find(found.begin(), found.end(), name) == found.end()) {
                found.push_back(name);
                next.push_back(name);
            }
        }
        frontier = std::move(next);
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace servo::server
