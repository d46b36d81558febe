// What operators turn: pools, tenants, executors.
#include <fmt/format.h>

#include <algorithm>

#include "api/admin.h"
#include "base/suggest.h"
#include "base/text.h"
#include "server/lookup.h"
#include "server/pool_check.h"
#include "server/render.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

Response changed_response(const core::Reply& reply) {
    const auto* done = std::get_if<core::Done>(&reply);
    return json_response(to_json(api::Changed{done == nullptr || done->changed}));
}

Status check_set(bool sets, bool unset, const std::string& reason) {
    SERVO_CHECK(check_note("reason", reason));
    if (sets && unset) {
        return fail(invalid_argument("set_and_unset", "A value and unset exclude each other."));
    }
    if (!sets && !unset) {
        return fail(invalid_argument("nothing_to_set", "The request names nothing to change."));
    }
    return {};
}

// --- pools ---

// Pools the caller may see: shared ones, and those of its tenant or (an admin's) of all.
Result<std::vector<core::PoolView>> visible_pools(Call& call) {
    const TenantId tenant = SERVO_TRY(tenant_filter(call));
    auto views = SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant now) {
        return scheduler.pools(now);
    }));
    std::erase_if(views, [tenant](const core::PoolView& view) {
        return tenant && view.row.tenant && view.row.tenant != tenant;
    });
    return views;
}

// By name: the tenant's own before a shared one; without a tenant the shared one, else the only
// one.
Result<core::PoolView> find_pool(Call& call) {
    const std::string& name = call.parameter("pool");
    std::vector<core::PoolView> found;
    std::vector<std::string> known;
    for (core::PoolView& view : SERVO_TRY(visible_pools(call))) {
        known.push_back(view.row.spec.name);
        if (view.row.spec.name == name) {
            found.push_back(std::move(view));
        }
    }
    if (found.empty()) {
        return fail(not_found(
            "no_such_pool",
            fmt::format(
                "There is no pool \"{}\".{} `servo pool list` shows them.",
                name,
                did_you_mean(name, known)
            )
        ));
    }
    const bool wants_shared = call.tenant.empty();
    std::stable_sort(found.begin(), found.end(), [wants_shared](const auto& a, const auto& b) {
        const bool a_first = static_cast<bool>(a.row.tenant) != wants_shared;
        const bool b_first = static_cast<bool>(b.row.tenant) != wants_shared;
        return a_first > b_first;
    });
    if (wants_shared && found.size() > 1 && found.front().row.tenant) {
        return fail(invalid_argument(
            "ambiguous_tenant",
            fmt::format(
                "{} tenants have a pool \"{}\"; say which: --tenant {}",
                found.size(),
                name,
                found.front().tenant_name
            )
        ));
    }
    return std::move(found.front());
}

Status may_turn(const Call& call, const core::PoolView& pool) {
    if (!pool.row.tenant && call.principal.role != api::Role::kAdmin) {
        return fail(Error{
            ErrorCode::kPermissionDenied,
            "shared_pool",
            fmt::format("The pool {} is shared; only an admin may change it.", pool.row.spec.name),
            {},
            0});
    }
    return {};
}

Result<Response> list_pools(Call& call) {
    api::List<api::Pool> out;
    for (const core::PoolView& view : SERVO_TRY(visible_pools(call))) {
        out.items.push_back(render_pool(view));
    }
    std::sort(out.items.begin(), out.items.end(), [](const api::Pool& a, const api::Pool& b) {
        return std::pair(a.name, a.tenant_id) < std::pair(b.name, b.tenant_id);
    });
    return json_response(to_json(out));
}

Result<Response> get_pool(Call& call) {
    return json_response(to_json(render_pool(SERVO_TRY(find_pool(call)))));
}

Result<Response> set_pool(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::SetPoolRequest>());
    SERVO_CHECK(check_set(request.concurrency.has_value(), request.unset, request.reason));
    const core::PoolView pool = SERVO_TRY(find_pool(call));
    SERVO_CHECK(may_turn(call, pool));
    core::SetPool command;
    command.tenant = pool.row.tenant ? pool.tenant_name : "";
    command.pool = pool.row.spec.name;
    command.concurrency = request.concurrency;
    command.unset = request.unset;
    command.until = SERVO_TRY(parse_hold(request.hold_for, call.backend.now()));
    command.reason = request.reason;
    command.actor = call.principal.actor;
    return changed_response(SERVO_TRY(call.backend.run(std::move(command))));
}

Result<Response> hold_or_release(Call& call, bool release) {
    const auto request = SERVO_TRY(call.read_body<api::HoldPoolRequest>());
    SERVO_CHECK(check_note("reason", request.reason));
    const core::PoolView pool = SERVO_TRY(find_pool(call));
    SERVO_CHECK(may_turn(call, pool));
    core::HoldPool command;
    command.tenant = pool.row.tenant ? pool.tenant_name : "";
    command.pool = pool.row.spec.name;
    command.release = release;
    command.until = SERVO_TRY(parse_hold(request.hold_for, call.backend.now()));
    command.reason = request.reason;
    command.actor = call.principal.actor;
    return changed_response(SERVO_TRY(call.backend.run(std::move(command))));
}

Result<Response> check_pool(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::CheckPoolRequest>());
    const core::PoolView pool = SERVO_TRY(find_pool(call));
    SERVO_CHECK(may_turn(call, pool));
    return json_response(to_json(SERVO_TRY(check_pool_from_executor(call, request, pool))));
}

Result<Response> hold_pool(Call& call) {
    return hold_or_release(call, false);
}
Result<Response> release_pool(Call& call) {
    return hold_or_release(call, true);
}

// --- tenants ---

Result<Response> list_tenants(Call& call) {
    const auto views = SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant now
                                                   ) { return scheduler.tenants(now); }));
    api::List<api::Tenant> out;
    for (const core::TenantView& view : views) {
        out.items.push_back(render_tenant(view));
    }
    std::sort(out.items.begin(), out.items.end(), [](const api::Tenant& a, const api::Tenant& b) {
        return a.name < b.name;
    });
    return json_response(to_json(out));
}

Result<Response> get_tenant(Call& call) {
    const TenantRow row = SERVO_TRY(find_tenant(call, call.parameter("tenant")));
    const auto views = SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant now
                                                   ) { return scheduler.tenants(now); }));
    core::TenantView found;
    found.row = row;
    for (const core::TenantView& view : views) {
        if (view.row.id == row.id) {
            found = view;
        }
    }
    return json_response(to_json(render_tenant(found)));
}

Result<Response> set_tenant(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::SetTenantRequest>());
    const bool sets = request.weight || request.max_concurrency || request.max_pending;
    SERVO_CHECK(check_set(sets, request.unset, request.reason));
    const TenantRow row = SERVO_TRY(find_tenant(call, call.parameter("tenant")));
    if (request.weight && (*request.weight < 1 || *request.weight > kTenantWeightMax)) {
        return fail(
            invalid_argument("bad_weight", fmt::format("weight must be 1 to {}.", kTenantWeightMax))
        );
    }
    core::SetTenant command;
    command.tenant = row.name;
    if (request.weight) {
        command.weight = static_cast<int>(*request.weight);
    }
    command.max_concurrency = request.max_concurrency;
    command.max_pending = request.max_pending;
    command.unset = request.unset;
    command.until = SERVO_TRY(parse_hold(request.hold_for, call.backend.now()));
    command.reason = request.reason;
    command.actor = call.principal.actor;
    return changed_response(SERVO_TRY(call.backend.run(std::move(command))));
}

// --- executors ---

struct ExecutorsNow {
    std::vector<core::ExecutorView> views;
    Instant now;
};

Result<std::vector<api::Executor>> executors(Call& call) {
    const ExecutorsNow read =
        SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant now) {
            return ExecutorsNow{scheduler.executors(now), now};
        }));
    std::vector<api::Executor> out;
    for (const core::ExecutorView& view : read.views) {
        out.push_back(render_executor(view, read.now));
        add_health(call.backend.executor_book()->health(view.session.value), read.now, out.back());
    }
    std::sort(out.begin(), out.end(), [](const api::Executor& a, const api::Executor& b) {
        return a.name < b.name;
    });
    return out;
}

Error no_such_executor(const std::string& name, const std::vector<api::Executor>& all) {
    std::vector<std::string> known;
    for (const api::Executor& executor : all) {
        known.push_back(executor.name);
    }
    return not_found(
        "no_such_executor",
        fmt::format(
            "There is no executor \"{}\".{} `servo executor list` shows them.",
            name,
            did_you_mean(name, known)
        )
    );
}

Result<api::Executor> executor_named(
    const std::string& name, const std::vector<api::Executor>& all
) {
    for (const api::Executor& executor : all) {
        if (executor.name == name) {
            return executor;
        }
    }
    return fail(no_such_executor(name, all));
}

Result<Response> list_executors(Call& call) {
    const std::string states = call.query_value("state");
    const std::vector<std::string> wanted =
        states.empty() ? std::vector<std::string>() : split(states, ',');
    const std::vector<std::string> known(kExecutorStates.begin(), kExecutorStates.end());
    for (const std::string& word : wanted) {
        if (std::find(known.begin(), known.end(), word) == known.end()) {
            return fail(invalid_argument(
                "bad_state",
                fmt::format(
                    "state: \"{}\" is not one of {}.{}",
                    word,
                    join(known, ", "),
                    did_you_mean(word, known)
                )
            ));
        }
    }
    api::List<api::Executor> out;
    out.items = SERVO_TRY(executors(call));
    std::erase_if(out.items, [&wanted](const api::Executor& executor) {
        return wanted.empty()
                   ? executor.state == kExecutorLeft
                   : std::find(wanted.begin(), wanted.end(), executor.state) == wanted.end();
    });
    return json_response(to_json(out));
}

Result<Response> get_executor(Call& call) {
    const auto all = SERVO_TRY(executors(call));
    return json_response(to_json(SERVO_TRY(executor_named(call.parameter("executor"), all))));
}

// The executors a request means: by name, or the idlest of those in service beyond `keep`.
Result<std::vector<std::string>> chosen_executors(
    const api::DrainRequest& request, std::vector<api::Executor> all, bool drain
) {
    std::vector<std::string> out;
    for (const std::string& name : request.executors) {
        out.push_back(SERVO_TRY(executor_named(name, all)).name);
    }
    if (!out.empty() && request.keep > 0) {
        return fail(invalid_argument("names_and_keep", "Name executors or say keep, not both."));
    }
    if (!out.empty() || (drain && request.keep <= 0)) {
        if (out.empty()) {
            return fail(
                invalid_argument("nothing_named", "Name executors, or say how many to keep.")
            );
        }
        return out;
    }
    if (!drain) {
        return fail(invalid_argument("nothing_named", "Name the executors to take back."));
    }
    std::erase_if(all, [](const api::Executor& executor) {
        return executor.state != "up" && executor.state != "stuck";
    });
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.busy < b.busy;
    });
    const size_t keep = static_cast<size_t>(request.keep);
    for (size_t i = 0; i + keep < all.size(); ++i) {
        out.push_back(all[i].name);
    }
    return out;
}

Result<Response> drain_or_undrain(Call& call, bool drain) {
    const auto request = SERVO_TRY(call.read_body<api::DrainRequest>());
    auto before = SERVO_TRY(executors(call));
    const auto names = SERVO_TRY(chosen_executors(request, std::move(before), drain));
    std::vector<std::string> changed;
    for (const std::string& name : names) {
        const core::Reply reply =
            SERVO_TRY(call.backend.run(core::DrainExecutor{name, drain, call.principal.actor}));
        const auto* done = std::get_if<core::Done>(&reply);
        if (done == nullptr || done->changed) {
            changed.push_back(name);
        }
    }
    api::DrainReply out;
    const auto after = SERVO_TRY(executors(call));
    for (const std::string& name : changed) {
        out.items.push_back(SERVO_TRY(executor_named(name, after)));
    }
    return json_response(to_json(out));
}

Result<Response> drain_executors(Call& call) {
    return drain_or_undrain(call, true);
}
Result<Response> undrain_executors(Call& call) {
    return drain_or_undrain(call, false);
}

}  // namespace

HandlerTable lever_handlers() {
    return {
        {"list_pools", list_pools},
        {"get_pool", get_pool},
        {"set_pool", set_pool},
        {"hold_pool", hold_pool},
        {"release_pool", release_pool},
        {"check_pool", check_pool},
        {"list_tenants", list_tenants},
        {"get_tenant", get_tenant},
        {"set_tenant", set_tenant},
        {"list_executors", list_executors},
        {"get_executor", get_executor},
        {"drain_executors", drain_executors},
        {"undrain_executors", undrain_executors},
    };
}

}  // namespace servo::server
