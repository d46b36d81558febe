// HTTP as values: what a handler sees of a request, and what it answers with. Beast stays behind
// http_wire.cc. Plain values, except Responder, which is thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/routes.h"
#include "base/error.h"
#include "base/time.h"

namespace servo::server {

constexpr uint32_t kHeaderBytesMax = 16 * 1024;
constexpr size_t kTargetBytesMax = 8 * 1024;

// Headers that matter here; empty = absent.
struct RequestHeaders {
    std::string host;
    std::string origin;
    std::string content_type;
    std::string authorization;
    std::string request_id;
    std::string idempotency_key;
    std::string actor;
    std::string traceparent;
    bool forwarded = false;  // by a server that stands by
};

struct Request {
    std::string method;
    std::string target;  // path and query as sent
    RequestHeaders headers;
    std::string body;
};

struct Response {
    int status = 200;
    std::string content_type{"application/json"};
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    bool close = false;  // end the connection afterwards
};

// Takes the one answer to a request, on any thread. Destroyed unanswered, it answers 503 itself, so
// that no connection hangs.
class Responder {
 public:
    virtual ~Responder() = default;
    // The second call of either, and later ones, do nothing.
    virtual void send(Response response) = 0;
    // `make` runs on the io thread: the caller's thread does not pay for rendering.
    virtual void send_made(std::function<Response()> make) = 0;
    // The answer may be long in coming and need not be waited for when the server stops. Only
    // inside the HttpHandler's call.
    virtual void may_be_cut() {}
};

// A problem document with its status and Retry-After.
Response problem_response(const Error& error, const std::string& request_id);

}  // namespace servo::server
