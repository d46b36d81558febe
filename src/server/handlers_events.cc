// What happened: applies, sets, pauses, executors, pools, leaders.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "api/admin.h"
#include "base/suggest.h"
#include "model/job_id.h"
#include "server/lookup.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

constexpr int kPagesScannedMax = 20;  // of the store, for one page of a group's

// Names of what there is now and the caller may see: of `tenant`, or (0) of all.
Result<std::vector<std::string>> known_names(Call& call, TenantId tenant) {
    const bool of_all = call.sees_all_tenants() && !tenant;
    return call.backend.read([tenant, of_all](const core::Scheduler& scheduler, Instant now) {
        std::vector<std::string> out;
        for (const AssetHead& head : scheduler.assets()) {
            if (!tenant || head.tenant == tenant) {
                out.push_back(head.name);
            }
        }
        for (const core::PoolView& view : scheduler.pools(now)) {
            if (!tenant || !view.row.tenant || view.row.tenant == tenant) {
                out.push_back(view.row.spec.name);
            }
        }
        for (const core::TenantView& view : scheduler.tenants(now)) {
            if (!tenant || view.row.id == tenant) {
                out.push_back(view.row.name);
            }
        }
        if (of_all) {
            for (const core::ExecutorView& view : scheduler.executors(now)) {
                out.push_back(view.row.name);
            }
        }
        return out;
    });
}

Result<bool> is_recorded(Call& call, const store::EventFilter& filter) {
    return !SERVO_TRY(call.past().events({filter.tenant, {}, filter.subject}, 1, "")).items.empty();
}

// Whether `name` means a shared pool for that tenant: it has no pool of that name itself.
Result<bool> is_shared_pool(Call& call, const std::string& name, TenantId tenant) {
    return call.backend.read([name, tenant](const core::Scheduler& scheduler, Instant now) {
        bool shared = false;
        for (const core::PoolView& view : scheduler.pools(now)) {
            if (view.row.spec.name == name && view.row.tenant == tenant) {
                return false;
            }
            shared = shared || (view.row.spec.name == name && !view.row.tenant);
        }
        return shared;
    });
}

struct Asked {
    store::EventFilter filter;
    // Set where the filter lets every tenant pass: rows of this one and of none are meant.
    TenantId tenant_or_none = {};
    std::set<std::string> group = {};  // ids of its backfills, where a group is meant
};

// The only backfill whose id begins so, if it is like the beginning of one.
std::optional<std::string> backfill_like(Call& call, const std::string& text) {
    const auto id = find_job_id(call, text);
    return id ? std::optional(to_text(*id)) : std::nullopt;
}

// Nothing happened to a group but to its backfills, and nothing to these before there was one.
Status about_group(Call& call, const std::string& typed, Asked& asked) {
    const auto jobs = SERVO_TRY(stored_jobs_of_group(call, typed));
    Instant begun = jobs.front().row.created_at;
    for (const store::JobPage::Item& item : jobs) {
        asked.group.insert(to_text(item.row.id));
        begun = std::min(begun, item.row.created_at);
    }
    asked.filter.since = std::max(asked.filter.since.value_or(begun), begun);
    return {};
}

// Narrows the filter to what was typed: the id of a backfill or of a group or its beginning, a
// name, or "tenant/name" as `status --by` shows it. What happened to a shared pool is of no tenant,
// and a tenant is told all the same. Errors: not_found / "no_such_subject", those of find_tenant,
// find_job_id and stored_jobs_of_group.
Status about(Call& call, const std::string& typed, Asked& asked) {
    Status no_group;
    if (is_group(typed)) {
        no_group = about_group(call, typed, asked);
        if (no_group || no_group.error().code != ErrorCode::kNotFound) {
            return no_group;
        }  // else the name of something, perhaps
    }
    store::EventFilter& filter = asked.filter;
    filter.subject = typed;
    if (typed.starts_with("bf_")) {
        filter.subject = to_text(SERVO_TRY(find_job_id(call, typed)));
    } else if (const size_t slash = typed.find('/'); slash != std::string::npos) {
        const TenantId owner = SERVO_TRY(find_tenant(call, typed.substr(0, slash))).id;
        if (!filter.tenant || filter.tenant == owner) {
            filter.tenant = owner;
            filter.subject = typed.substr(slash + 1);
        }
    } else if (filter.tenant && call.sees_all_tenants() &&
               SERVO_TRY(is_shared_pool(call, typed, filter.tenant))) {
        asked.tenant_or_none = std::exchange(filter.tenant, {});
        return {};
    }
    if (filter.subject.empty() || SERVO_TRY(is_recorded(call, filter))) {
        return {};
    }
    const std::vector<std::string> known = SERVO_TRY(known_names(call, filter.tenant));
    if (std::find(known.begin(), known.end(), filter.subject) != known.end()) {
        return {};
    }
    // A full id stands for itself, also where nothing has it.
    if (!typed.starts_with("bf_")) {
        if (auto id = backfill_like(call, typed)) {
            filter.subject = std::move(*id);
            return {};
        }
    }
    SERVO_CHECK(no_group);
    return fail(not_found(
        "no_such_subject",
        fmt::format(
            "Nothing is recorded about \"{}\".{} A subject is the id of a backfill or of a group, "
            "or its beginning, or the name of an asset, pool, tenant, executor, server or token.",
            typed,
            did_you_mean(filter.subject, known)
        )
    ));
}

// A page of what happened to any backfill of the group, which the store is not asked for: what
// happened at all is read until there is enough. It may be short, or empty, and not the last.
Result<store::EventPage> events_of_group(Call& call, const Asked& asked, int limit) {
    store::EventPage out;
    out.next_page_token = call.query_value("page_token");
    int pages = 0;
    do {
        const std::string begin = out.next_page_token;
        // The newest is read alone: newer ones may come, while what is older stays as it is.
        const int size = begin.empty() ? 1 : store::kPageMax;
        store::EventPage page = SERVO_TRY(call.past().events(asked.filter, size, begin));
        for (size_t i = 0; i < page.items.size(); ++i) {
            if (!asked.group.contains(page.items[i].subject)) {
                continue;
            }
            if (out.items.size() == static_cast<size_t>(limit)) {  // the next page begins here
                if (i > 0) {
                    const int passed = static_cast<int>(i);
                    page = SERVO_TRY(call.past().events(asked.filter, passed, begin));
                    out.next_page_token = std::move(page.next_page_token);
                }
                return out;
            }
            out.items.push_back(std::move(page.items[i]));
        }
        out.next_page_token = std::move(page.next_page_token);
        ++pages;
    } while (!out.next_page_token.empty() && pages < kPagesScannedMax);
    return out;
}

Result<Response> list(Call& call) {
    const int limit = SERVO_TRY(call.limit());
    Asked asked;
    store::EventFilter& filter = asked.filter;
    filter.tenant = SERVO_TRY(tenant_filter(call));
    const std::string since = call.query_value("since");
    if (!since.empty()) {
        filter.since = SERVO_TRY(parse_since(since, call.backend.now()));
    }
    SERVO_CHECK(about(call, call.query_value("subject"), asked));
    store::EventPage page = SERVO_TRY(
        asked.group.empty() ? call.past().events(filter, limit, call.query_value("page_token"))
                            : events_of_group(call, asked, limit)
    );
    std::erase_if(page.items, [&asked](const EventRow& row) {
        return asked.tenant_or_none && row.tenant && row.tenant != asked.tenant_or_none;
    });
    const Names names = SERVO_TRY(read_names(call.backend));
    api::List<api::Event> out;
    for (EventRow& row : page.items) {
        api::Event& event = out.items.emplace_back();
        event.at = row.at;
        if (row.tenant) {
            const auto name = names.tenants.find(row.tenant);
            event.tenant_id = name == names.tenants.end() ? "" : name->second;
        }
        event.actor = std::move(row.actor);
        event.kind = std::move(row.kind);
        event.subject = std::move(row.subject);
        event.detail = std::move(row.detail);
    }
    if (!page.next_page_token.empty()) {
        out.next_page_token = std::move(page.next_page_token);
    }
    return json_response(to_json(out));
}

}  // namespace

HandlerTable event_handlers() {
    return {{"list_events", list}};
}

}  // namespace servo::server
