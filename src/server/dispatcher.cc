#include "server/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "api/admin.h"
#include "api/as_of.h"
#include "api/json_names.h"
#include "api/openapi.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "model/trace.h"
#include "server/digest.h"
#include "server/executor_calls.h"
#include "server/lookup.h"

namespace servo::server {
namespace {

constexpr std::string_view kEmptyBody = "{}";
constexpr size_t kMethodLoggedMax = 20;
constexpr size_t kPathLoggedMax = 200;

bool printable(const std::string& text, size_t max) {
    return !text.empty() && text.size() <= max &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// Routes that need neither a worker nor the scheduler.
bool is_machine_route(std::string_view id) {
    return id == "livez" || id == "readyz" || id == "version" || id == "openapi";
}

Response with_id(Response response, const std::string& id) {
    response.headers.emplace_back(std::string(api::kRequestIdHeader), id);
    return response;
}

std::string openapi_text() {
    static const std::string text = api::to_text(api::openapi_document());
    return text;
}

Status check_key(const std::string& key) {
    if (!key.empty() && !printable(key, kIdempotencyKeyMax)) {
        return fail(invalid_argument(
            "bad_idempotency_key",
            fmt::format("An Idempotency-Key has 1 to {} printable characters.", kIdempotencyKeyMax)
        ));
    }
    return {};
}

// The tenant that the request means, within what the principal may see: foreign ones do not exist.
Result<std::string> tenant_of(const Principal& principal, const std::string& said) {
    if (principal.tenant.empty()) {
        return said;
    }
    if (!said.empty() && said != principal.tenant) {
        return fail(not_found("no_such_tenant", fmt::format("There is no tenant \"{}\".", said)));
    }
    return principal.tenant;
}

// Here, on a worker, and not where executors' calls go, which are many.
Result<Response> handle_body(Handler handler, Call& call) {
    SERVO_CHECK(api::refuse_repeated_names(call.body));
    return handler(call);
}

// What changes something is worth a line; what only looks is one for who is looking for it.
void log_request(const Call& call, int status, Millis took) {
    const bool changes = call.route->method != api::Method::kGet;
    const auto level = status >= 500 ? spdlog::level::warn
                       : changes     ? spdlog::level::info
                                     : spdlog::level::debug;
    if (!spdlog::should_log(level)) {
        return;
    }
    const auto context = model::parse_traceparent(call.traceparent);
    log_event(
        level,
        call.route->id,
        {{"status", std::to_string(status), true},
         {"took_ms", std::to_string(took.count()), true},
         {"dry_run", call.dry_run ? "true" : "", true},
         {"request_id", call.request_id},
         {"trace_id", context ? model::to_hex(context->trace) : ""},
         {"tenant", call.tenant},
         {"actor", call.principal.actor}}
    );
}

// What matches no route is a client's mistake, or a stranger's search: for who is looking for it.
void log_unmatched(const Request& request, int status, const std::string& id) {
    if (!spdlog::should_log(spdlog::level::debug)) {
        return;
    }
    const std::string path = request.target.substr(0, request.target.find('?'));
    log_event(
        spdlog::level::debug,
        "unmatched_request",
        {{"status", std::to_string(status), true},
         {"method", printable(request.method, kMethodLoggedMax) ? request.method : ""},
         {"path", printable(path, kPathLoggedMax) ? path : ""},
         {"request_id", id}}
    );
}

Response unmatched(const Request& request, const Error& error, const std::string& id) {
    Response refusal = problem_response(error, id);
    if (error.reason == "method_not_allowed") {
        refusal.headers.emplace_back("Allow", methods_of(request.target));
    }
    log_unmatched(request, refusal.status, id);
    return refusal;
}

}  // namespace

Dispatcher::Dispatcher(
    Backend& backend,
    Backend& of_record,
    store::Archive& archive,
    Forecasts& forecasts,
    Workers& workers,
    TokenBook& tokens,
    Standby& standby,
    HttpMeter& meter,
    AccessOptions access
)
    : backend_(backend),
      of_record_(of_record),
      archive_(archive),
      forecasts_(forecasts),
      workers_(workers),
      tokens_(tokens),
      standby_(standby),
      meter_(meter),
      access_(std::move(access)) {
    for (const HandlerTable& table :
         {backfill_handlers(),
          action_handlers(),
          partition_handlers(),
          asset_handlers(),
          lever_handlers(),
          system_handlers(),
          event_handlers(),
          token_handlers()}) {
        for (const auto& [id, handler] : table) {
            handlers_[api::route(id).id] = handler;
        }
    }
    for (const api::Route& route : api::routes()) {
        SERVO_ASSERT(
            handlers_.contains(route.id) || is_machine_route(route.id) ||
            route.role == api::Role::kExecutor
        );
    }
    id_prefix_ = fmt::format("{:x}", engine::boottime_ms());
}

std::string Dispatcher::request_id(const std::string& given) {
    return printable(given, kRequestIdMax) ? given : fmt::format("{}-{}", id_prefix_, ++next_id_);
}

Result<Principal> Dispatcher::let_in(const RequestHeaders& headers, const api::Route& route) {
    if (route.role == api::Role::kPublic) {
        return Principal{};
    }
    const Instant now = backend_.now();
    Principal principal = SERVO_TRY(authenticate(headers, access_, *tokens_.table(), now));
    // An executor that comes with an admin's token asks as often as any executor.
    const bool executes = principal.role == api::Role::kAdmin && route.role == api::Role::kExecutor;
    SERVO_CHECK(rates_.take(principal.token, executes ? api::Role::kExecutor : principal.role, now)
    );
    SERVO_CHECK(check_role(principal, route));
    return principal;
}

void Dispatcher::handle(Request&& request, std::shared_ptr<Responder> answered) {
    auto responder = std::make_shared<HttpMeter::Metered>(meter_, std::move(answered));
    const std::string id = request_id(request.headers.request_id);
    const auto refuse = [&](const Error& error) {
        responder->send(with_id(problem_response(error, id), id));
    };
    if (const Status allowed = check_browser(request, access_, *tokens_.table()); !allowed) {
        return refuse(allowed.error());
    }
    auto match = match_route(request.method, request.target);
    if (!match) {
        return responder->send(with_id(unmatched(request, match.error(), id), id));
    }
    const api::Route& route = *match->route;
    responder->is_of(route);
    const bool stands_by = backend_.loop().standing_by() && !is_machine_route(route.id);
    const bool of_record = stands_by && of_record_.record()->exists() &&
                           api::told_of_record(route) && !request.headers.forwarded;
    if (stands_by && !of_record) {
        // The leader lets the caller in, or not, by the credentials that go along.
        return standby_.answer(route, std::move(request), std::move(responder), id);
    }
    auto principal = let_in(request.headers, route);
    if (!principal) {
        return refuse(principal.error());
    }
    if (is_machine_route(route.id)) {
        return answer_machine(*match, *responder, id);
    }
    if (route.role == api::Role::kExecutor) {
        const core::ExecutorToken token{
            principal->token, principal->tenant_id, std::move(principal->labels)};
        return executor_call(backend_, route, request.body, token, std::move(responder), id);
    }
    auto tenant = tenant_of(*principal, match->tenant);
    if (!tenant) {
        return refuse(tenant.error());
    }
    if (const Status fine = check_key(request.headers.idempotency_key); !fine) {
        return refuse(fine.error());
    }
    auto leader = of_record ? std::make_shared<Request>(request) : nullptr;
    const auto context = model::parse_traceparent(request.headers.traceparent);
    const auto scope = store::TenantScope::of(principal->tenant_id);
    Call call{
        of_record ? of_record_ : backend_,
        forecasts_,
        tokens_,
        archive_.within(scope),
        [this, scope] { return archive_.past(scope); },
        &route,
        std::move(*principal),
        std::move(*tenant),
        std::move(match->path),
        std::move(match->query),
        request.body.empty() ? std::string(kEmptyBody) : std::move(request.body),
        std::nullopt,
        id,
        context ? model::to_traceparent(*context) : std::string()};
    const bool keyed = route.repeat == api::Repeat::kKey;
    to_worker(
        std::move(call),
        keyed ? request.headers.idempotency_key : "",
        std::move(responder),
        std::move(leader)
    );
}

Response Dispatcher::health(const Match& match) {
    const engine::EngineStatus status = backend_.loop().status();
    const bool leads = status.state == engine::EngineState::kLeading;
    const bool stands_by = status.state == engine::EngineState::kStandby;
    const bool live = match.route->id == "livez";
    const bool stalled = backend_.loop().busy_for() > kStalledAfter;
    // A standby that does not see the store can neither answer nor say who does.
    const bool ready = leads || (stands_by && status.why.empty());
    const bool fine = !stalled && (live || ready);
    api::Health body;
    body.status = fine                 ? "ok"
                  : stalled            ? "stalled"
                  : status.why.empty() ? std::string(engine::to_string(status.state))
                                       : status.why;
    body.role = leads ? "leader" : stands_by ? "standby" : "";
    if (match.query.contains("verbose")) {
        body.epoch = status.leader.epoch;
        body.leader_url = status.leader.url;
    }
    Response response = json_response(to_json(body));
    response.status = fine ? 200 : 503;
    return response;
}

void Dispatcher::answer_machine(const Match& match, Responder& responder, const std::string& id) {
    const api::Route& route = *match.route;
    if (route.id == "openapi") {
        Response response;
        response.body = openapi_text();
        return responder.send(with_id(std::move(response), id));
    }
    if (route.id == "version") {
        return responder.send(with_id(
            json_response(to_json(api::Version{backend_.version(), "v1", store::kSchemaVersion})),
            id
        ));
    }
    responder.send(with_id(health(match), id));
}

void Dispatcher::to_worker(
    Call call,
    std::string key,
    std::shared_ptr<Responder> responder,
    std::shared_ptr<Request> leader
) {
    const std::string id = call.request_id;
    // A std::function must be copyable, and a Call is heavy: so it travels by pointer.
    auto carried = std::make_shared<Call>(std::move(call));
    const bool taken = workers_.submit([this, carried, key = std::move(key), responder, leader] {
        const Instant began = backend_.now();
        // Before anything is read: what is read later is not older.
        const Result<Instant> as_of = leader ? of_record_.as_of() : Result<Instant>(began);
        Response response = run(*carried, key);
        std::optional<Instant> told;
        if (carried->opened_past) {
            told = carried->opened_past->as_of;
        }
        if (leader) {
            // What the record does not have, the leader may.
            if (!as_of || carried->wants_leader || response.status != 200) {
                return standby_.answer(
                    *carried->route, std::move(*leader), responder, carried->request_id
                );
            }
            told = told && *told < *as_of ? *told : *as_of;
        }
        if (told && response.status == 200) {
            response.headers.emplace_back(std::string(api::kAsOfHeader), format_rfc3339(*told));
        }
        log_request(*carried, response.status, backend_.now() - began);
        responder->send(with_id(std::move(response), carried->request_id));
    });
    if (!taken) {
        Error error =
            unavailable("overloaded", "The server has too much to do; try again in a moment.");
        error.retry_after_s = 2;
        responder->send(with_id(problem_response(error, id), id));
    }
}

Result<std::optional<Response>> Dispatcher::replay(Call& call, const std::string& key) {
    engine::Idempotency mine;
    if (!call.principal.tenant.empty()) {
        mine.tenant = SERVO_TRY(find_tenant(call, call.principal.tenant)).id;
    }
    mine.route = std::string(call.route->id);
    mine.key = key;
    // The target's parameters are part of what is asked for.
    std::string asked = call.body + "\n" + call.tenant;
    for (const auto& [name, value] : call.path) {
        asked += "\n" + name + "=" + value;
    }
    mine.body_hash = sha256_hex(asked);
    const auto stored =
        SERVO_TRY(call.history->idempotent_reply(mine.tenant, mine.route, mine.key));
    if (!stored) {
        call.idempotency = std::move(mine);
        return std::optional<Response>();
    }
    if (stored->body_hash != mine.body_hash) {
        return fail(conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was used for a different request; take a new one."
        ));
    }
    Response response;
    response.status = stored->http_status;
    response.body = stored->reply;
    response.headers.emplace_back(std::string(api::kIdempotencyReplayedHeader), "true");
    return std::optional(std::move(response));
}

Response Dispatcher::run(Call& call, const std::string& key) {
    const std::string guarded =
        key.empty() ? "" : fmt::format("{}\n{}\n{}", call.principal.tenant, call.route->id, key);
    if (!key.empty()) {
        const std::lock_guard lock(mutex_);
        if (!keys_under_way_.insert(guarded).second) {
            Error error = unavailable(
                "idempotency_key_under_way",
                "A request with this Idempotency-Key is being answered; repeat it in a moment."
            );
            error.retry_after_s = 1;
            return problem_response(error, call.request_id);
        }
    }
    Response response;
    try {
        auto replayed =
            key.empty() ? Result<std::optional<Response>>(std::nullopt) : replay(call, key);
        if (!replayed) {
            response = problem_response(replayed.error(), call.request_id);
        } else if (*replayed) {
            response = std::move(**replayed);
        } else {
            auto result = handle_body(handlers_.at(call.route->id), call);
            response =
                result ? std::move(*result) : problem_response(result.error(), call.request_id);
        }
    } catch (const std::exception& e) {
        // Only third-party code throws; the request fails, the server goes on.
        spdlog::error("{} {}: {}", call.request_id, call.route->id, e.what());
        response = problem_response(
            internal(
                "internal",
                "An error inside the server; its log has the details under this "
                "request id."
            ),
            call.request_id
        );
    }
    if (!key.empty()) {
        const std::lock_guard lock(mutex_);
        keys_under_way_.erase(guarded);
    }
    return response;
}

}  // namespace servo::server
