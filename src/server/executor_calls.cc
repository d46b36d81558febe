#include "server/executor_calls.h"

#include "api/executor_protocol.h"
#include "api/json_arena.h"
#include "api/live_log.h"
#include "server/call.h"

namespace servo::server {
namespace {

using namespace model;

Result<core::Command> command_from(
    const api::Route& route, const std::string& body, const core::ExecutorToken& token
) {
    unsigned char room[api::kArenaBytes];
    boost::json::monotonic_resource arena(room, sizeof(room));
    const boost::json::value json = SERVO_TRY(api::parse_json(body, &arena));
    if (route.id == "executor_register") {
        return core::RegisterExecutor{
            SERVO_TRY(api::register_request_from(json, api::Unknown::kRefuse)), token};
    }
    const CallKind kind = route.id == "executor_acquire" ? CallKind::kAcquire : CallKind::kReport;
    return core::ExecutorCall{
        SERVO_TRY(api::call_request_from(json, kind, api::Unknown::kRefuse)), token};
}

Response render(const Result<core::Reply>& reply, const std::string& request_id) {
    Response response;
    if (!reply) {
        response = problem_response(reply.error(), request_id);
    } else if (const auto* registered = std::get_if<RegisterReply>(&*reply)) {
        response = json_response(api::to_json(*registered));
    } else if (const auto* called = std::get_if<CallReply>(&*reply)) {
        response.body = api::to_text(*called);
    } else {
        response = problem_response(
            internal("internal", "The engine gave an answer of the wrong kind."), request_id
        );
    }
    response.headers.emplace_back(std::string(api::kRequestIdHeader), request_id);
    return response;
}

Millis boot_now() {
    return Millis(engine::boottime_ms());
}

Response take_logs(
    Backend& backend,
    const std::string& body,
    const core::ExecutorToken& token,
    const std::string& request_id
) {
    const auto take = [&]() -> Result<Response> {
        const boost::json::value json = SERVO_TRY(api::parse_json(body));
        LogReport report = SERVO_TRY(api::log_report_from(json, api::Unknown::kRefuse));
        SERVO_CHECK(backend.executor_book()->check(report.session.value, token.id));
        return json_response(api::to_json(backend.log_watches().take(std::move(report), boot_now()))
        );
    };
    auto taken = take();
    Response response = taken ? std::move(*taken) : problem_response(taken.error(), request_id);
    response.headers.emplace_back(std::string(api::kRequestIdHeader), request_id);
    return response;
}

Response take_health(
    Backend& backend,
    const std::string& body,
    const core::ExecutorToken& token,
    const std::string& request_id
) {
    auto told = api::from_text<api::HealthRequest>(body, api::Unknown::kIgnore);
    const Result<api::HealthReply> reply =
        told ? backend.executor_book()->tell(std::move(*told), token.id, backend.now())
             : fail(std::move(told).error());
    Response response =
        reply ? json_response(to_json(*reply)) : problem_response(reply.error(), request_id);
    response.headers.emplace_back(std::string(api::kRequestIdHeader), request_id);
    return response;
}

}  // namespace

void executor_call(
    Backend& backend,
    const api::Route& route,
    const std::string& body,
    const core::ExecutorToken& token,
    std::shared_ptr<Responder> responder,
    const std::string& request_id
) {
    if (route.id == "executor_logs") {
        responder->send(take_logs(backend, body, token, request_id));
        return;
    }
    if (route.id == "executor_health") {
        responder->send(take_health(backend, body, token, request_id));
        return;
    }
    auto command = command_from(route, body, token);
    if (!command) {
        responder->send(render(fail(std::move(command).error()), request_id));
        return;
    }
    SessionId reporting;
    if (route.id == "executor_acquire") {
        responder->may_be_cut();
    } else if (const auto* call = std::get_if<core::ExecutorCall>(&*command)) {
        reporting = call->request.session;
    }
    const auto* opening = std::get_if<core::RegisterExecutor>(&*command);
    const int64_t opened = opening == nullptr ? 0 : opening->request.session.value;
    engine::Item item;
    item.command = std::move(*command);
    item.answer = [&backend,
                   responder = std::move(responder),
                   request_id,
                   reporting,
                   opened,
                   token_id = token.id,
                   book = backend.executor_book(),
                   &loop = backend.loop()](Result<core::Reply> reply) {
        const bool logs_wanted = backend.log_watches().wanted_of(reporting, boot_now());
        if (opened != 0 && reply) {
            book->opened(opened, token_id, loop.now());
        }
        // std::function needs a copyable capture, and replies are large: so by pointer.
        auto carried = std::make_shared<const Result<core::Reply>>(std::move(reply));
        responder->send_made([carried, request_id, logs_wanted] {
            Response response = render(*carried, request_id);
            if (logs_wanted) {
                response.headers.emplace_back(api::kLogsWantedHeader, "1");
            }
            return response;
        });
    };
    backend.loop().submit(std::move(item));
}

}  // namespace servo::server
