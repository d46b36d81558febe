#include "client/executor_client.h"

#include "api/executor_protocol.h"
#include "api/live_log.h"
#include "api/problem.h"
#include "api/routes.h"

namespace servo::client {

Result<boost::json::value> ExecutorClient::exchange(
    std::string_view route_id, std::string body, Millis timeout
) {
    const api::Route& route = api::route(route_id);
    HttpRequest request;
    request.method = route.method;
    request.target = api::expand_path(route, {});
    request.body = std::move(body);
    request.timeout = timeout;
    logs_wanted_ = false;
    const HttpReply reply = SERVO_TRY(http_->send(request));
    logs_wanted_ = reply.logs_wanted;
    if (reply.status < 200 || reply.status >= 300) {
        Error error = api::error_from_problem(reply.status, reply.body);
        if (error.retry_after_s == 0) {
            error.retry_after_s = reply.retry_after_s.value_or(0);
        }
        return fail(std::move(error));
    }
    return api::parse_json(reply.body);
}

Result<model::RegisterReply> ExecutorClient::register_executor(
    const model::RegisterRequest& request, Millis timeout
) {
    const auto json =
        SERVO_TRY(exchange("executor_register", api::to_text(api::to_json(request)), timeout));
    return api::register_reply_from(json, api::Unknown::kIgnore);
}

Result<model::CallReply> ExecutorClient::call(const model::CallRequest& request, Millis timeout) {
    const bool report = request.kind == model::CallKind::kReport;
    const auto json = SERVO_TRY(
        exchange(report ? "executor_report" : "executor_acquire", api::to_text(request), timeout)
    );
    return api::call_reply_from(json, api::Unknown::kIgnore);
}

Result<std::vector<model::LogWish>> ExecutorClient::send_logs(
    const model::LogReport& report, Millis timeout
) {
    const auto json =
        SERVO_TRY(exchange("executor_logs", api::to_text(api::to_json(report)), timeout));
    return api::log_wishes_from(json, api::Unknown::kIgnore);
}

Result<api::HealthReply> ExecutorClient::tell_health(
    const api::HealthRequest& request, Millis timeout
) {
    const auto json =
        SERVO_TRY(exchange("executor_health", api::to_text(to_json(request)), timeout));
    return api::from_json<api::HealthReply>(json, api::Unknown::kIgnore);
}

}  // namespace servo::client
