#include "server/pool_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "model/check_url.h"
#include "server/render.h"

namespace servo::server {
namespace {

// Counts the checks under way.
class Place {
 public:
    Place() : taken_(++count_ <= kPoolChecksAtOnce) {}
    ~Place() { --count_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    bool taken() const { return taken_; }

 private:
    static inline std::atomic<int> count_{0};
    bool taken_;
};

// What to type is said only to those who may.
std::string said_to(const Call& call, std::string to_admin, std::string to_others) {
    return call.principal.role == api::Role::kAdmin ? std::move(to_admin) : std::move(to_others);
}

std::vector<api::EndpointAsk> declared_endpoints(
    const api::CheckPoolRequest& request, const model::PoolSpec& spec
) {
    std::vector<api::EndpointAsk> out;
    for (const model::PoolCheck& check : spec.checks) {
        api::EndpointAsk ask;
        ask.url = check.url;
        ask.timeout_ms = request.timeout_ms > 0 ? request.timeout_ms : check.timeout.count();
        for (const auto& [name, secret] : check.headers) {
            ask.headers[name] = {secret.env, secret.file};
        }
        if (check.bearer) {
            ask.bearer = {check.bearer->env, check.bearer->file};
        }
        out.push_back(std::move(ask));
    }
    return out;
}

Result<std::vector<api::EndpointAsk>> endpoints_of(
    const Call& call, const api::CheckPoolRequest& request, const core::PoolView& pool
) {
    if (request.timeout_ms < 0 || request.timeout_ms > kPoolCheckTimeoutMax.count()) {
        return fail(invalid_argument(
            "bad_check", fmt::format("timeout_ms must be 0 to {}.", kPoolCheckTimeoutMax.count())
        ));
    }
    if (request.url.empty() && pool.row.spec.checks.empty()) {
        return fail(invalid_argument(
            "no_endpoints",
            fmt::format(
                "The pool {0} declares no endpoints. List them under `check:` of the pool in the "
                "asset file{1}.",
                pool.row.spec.name,
                said_to(
                    call,
                    fmt::format(
                        ", or say one: `servo pool check {}{} --url URL`",
                        pool.row.spec.name,
                        pool.tenant_name.empty() ? "" : " --tenant " + pool.tenant_name
                    ),
                    ""
                )
            )
        ));
    }
    if (request.url.empty()) {
        return declared_endpoints(request, pool.row.spec);
    }
    if (call.principal.role != api::Role::kAdmin) {
        return fail(Error{
            ErrorCode::kPermissionDenied,
            "admin_only",
            "Only an admin may name a URL that an executor asks.",
            {},
            0});
    }
    if (!model::is_check_url(request.url)) {
        return fail(invalid_argument("bad_check", "url: " + model::check_url_problem(request.url)));
    }
    api::EndpointAsk ask;
    ask.url = request.url;
    ask.timeout_ms = request.timeout_ms > 0 ? request.timeout_ms : ask.timeout_ms;
    return std::vector{std::move(ask)};
}

struct Chosen {
    std::string name;
    int64_t session = 0;
};

// The one that is named, or the idlest that is up. What a tenant's pool asks goes to another
// tenant's executor only when an admin names it.
Result<Chosen> choose_executor(Call& call, const std::string& name, model::TenantId of_pool) {
    struct Read {
        std::vector<core::ExecutorView> views;
        Instant now;
    };
    const Read read =
        SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant now) {
            return Read{scheduler.executors(now), now};
        }));
    const core::ExecutorView* best = nullptr;
    bool known = false;
    const model::TenantId own =
        call.sees_all_tenants() && name.empty() ? of_pool : call.principal.tenant_id;
    for (const core::ExecutorView& view : read.views) {
        if (own && view.row.tenant && view.row.tenant != own) {
            continue;  // another tenant's executor is as if it were not there
        }
        known = known || view.row.name == name;
        const std::string state = render_executor(view, read.now).state;
        const bool gone = state == "lost" || state == kExecutorLeft;
        const bool fits = name.empty() ? state == "up" : view.row.name == name && !gone;
        if (fits && (best == nullptr || view.busy < best->busy)) {
            best = &view;
        }
    }
    if (best != nullptr) {
        return Chosen{best->row.name, best->session.value};
    }
    if (!name.empty() && !known) {
        return fail(not_found(
            "no_such_executor",
            fmt::format(
                "There is no executor \"{}\"{}",
                name,
                said_to(
                    call,
                    "; `servo executor list` shows them.",
                    " that works for you. Leave --from out, and one is chosen; or ask an admin."
                )
            )
        ));
    }
    const std::string what = name.empty()
                                 ? "No executor that takes the pool's work is up"
                                 : fmt::format("The executor {} is not there any more", name);
    return fail(failed_precondition(
        "no_executor_up",
        what + said_to(call, "; `servo executor list` shows them.", ". Ask an admin to start one.")
    ));
}

}  // namespace

Result<api::CheckPoolReply> check_pool_from_executor(
    Call& call, const api::CheckPoolRequest& request, const core::PoolView& pool
) {
    const auto endpoints = SERVO_TRY(endpoints_of(call, request, pool));
    const Place place;
    if (!place.taken()) {
        return fail(resource_exhausted(
            "too_many_checks", "Other checks are being made; try again in a moment."
        ));
    }
    const Chosen chosen = SERVO_TRY(choose_executor(call, request.executor, pool.row.tenant));
    Millis most = kPoolCheckMargin;
    for (const api::EndpointAsk& endpoint : endpoints) {
        most += Millis(endpoint.timeout_ms);
    }
    const auto book = call.backend.executor_book();
    auto asked = SERVO_TRY(book->ask(chosen.session, endpoints));
    const bool answered = asked.answer.wait_for(most) == std::future_status::ready;
    book->forget(asked);
    api::CheckPoolReply reply;
    try {
        if (answered) {
            reply.endpoints = asked.answer.get();
        }
    } catch (const std::future_error&) {  // its session was forgotten
    }
    if (reply.endpoints.empty()) {
        return fail(failed_precondition(
            "executor_silent",
            fmt::format(
                "The executor {} did not answer; {}try another with --from.",
                chosen.name,
                said_to(call, fmt::format("see `servo executor show {}`, or ", chosen.name), "")
            )
        ));
    }
    reply.pool = pool.row.spec.name;
    reply.executor = chosen.name;
    reply.ok = std::all_of(reply.endpoints.begin(), reply.endpoints.end(), [](const auto& one) {
        return one.verdict == "ok";
    });
    return reply;
}

}  // namespace servo::server
