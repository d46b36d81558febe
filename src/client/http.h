// HTTP towards one server: a small request and response, and the libcurl transport that keeps its
// connection alive. The interface exists so that commands can be tested without a socket.
//
// An Http object is used by one thread at a time; abort() may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/routes.h"
#include "base/result.h"
#include "base/time.h"

namespace servo::client {

constexpr Millis kConnectTimeout{5'000};
constexpr Millis kLivezTimeout{2'000};  // of a server that is one of several
constexpr Millis kRequestTimeoutDefault{30'000};
constexpr size_t kReplyBytesMax = 256 * 1024 * 1024;

using api::Method;

struct HttpRequest {
    Method method = Method::kGet;
    std::string target;  // path and query, already encoded: "/v1/backfills?limit=50"
    std::string body;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
    Millis timeout = kRequestTimeoutDefault;
    bool repeatable = false;  // done twice it is done once: where one does not answer, another may
    // Given: a successful body is handed over piece by piece instead of being collected. Returning
    // false ends the call with "aborted".
    std::function<bool(std::string_view)> on_chunk;
};

struct HttpReply {
    int status = 0;
    std::string content_type;
    std::optional<int> retry_after_s;
    bool logs_wanted = false;  // api::kLogsWantedHeader
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers = {};  // those that matter
};

class Http {
 public:
    virtual ~Http() = default;
    // A reply of any status is a value. Errors: unavailable / "server_unreachable",
    // deadline_exceeded / "request_timed_out", unavailable / "aborted".
    virtual Result<HttpReply> send(const HttpRequest& request) = 0;
    // Ends the call in progress, and every later one, with "aborted". Safe in any thread.
    virtual void abort() = 0;
    // Waits up to `duration`; false when abort() ended it.
    virtual bool pause(Millis duration) = 0;
};

struct HttpOptions {
    // "http://127.0.0.1:7420". A list, separated by commas, names servers on one store: the first
    // that answers is used, and the leader that one of them names.
    std::string server;
    std::string token;       // bearer; empty = none
    std::string user_agent;  // "servo-cli/0.1.0"
    std::string ca_file;     // empty = the system's
    // Certificate to show and its key, PEM; empty = none.
    std::string client_cert = {};
    std::string client_key = {};
    // What to do, as the last sentence of an error: where nobody answers, and where the certificate
    // is not accepted.
    std::string if_unreachable = {};
    std::string if_untrusted = "Name its authority with --ca-file FILE.";
    // Host name to ask for and to find in the server's certificate, where that is not the host of
    // `server`; empty = that host. Without TLS it says nothing.
    std::string name = {};
};

constexpr size_t kServersMax = 16;

// Checks a server address, or a list of them: http or https, a host, no path, query or user.
// Returns it without trailing slashes. Error: invalid_argument / "bad_server_url".
Result<std::string> check_server_url(std::string_view url);

// Whether it is written like the name of a host: letters, digits, dots and hyphens.
bool is_host_name(std::string_view text);

std::vector<std::string> split_servers(std::string_view list);

std::unique_ptr<Http> make_curl_http(HttpOptions options);

}  // namespace servo::client
