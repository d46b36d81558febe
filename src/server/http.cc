#include "server/http.h"

#include "api/json.h"
#include "api/problem.h"

namespace servo::server {

Response problem_response(const Error& error, const std::string& request_id) {
    Response response;
    response.status = api::http_status(error);
    response.content_type = api::kProblemContentType;
    response.body = api::to_text(api::problem_document(error, request_id));
    if (error.retry_after_s > 0) {
        response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
    } else if (traits(error.code).retryable) {
        response.headers.emplace_back("Retry-After", "1");
    }
    if (response.status == 401) {
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    return response;
}

}  // namespace servo::server
