// The one list of routes. The server's router, the OpenAPI document and the clients' paths are made
// from it, so that they cannot differ. Immutable; pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace servo::api {

enum class Method { kGet, kPost, kPatch };
std::string_view to_string(Method method);

// Who may call: each role may what is listed above its own line, except kExecutor and kMetrics,
// which stand apart (executors speak their protocol only, a scraper may read what is public and the
// metrics; an admin may both, too).
enum class Role { kPublic, kRead, kWrite, kAdmin, kExecutor, kMetrics };
std::string_view to_string(Role role);

// kTenant: also reachable as /v1/tenants/{tenant}/… for admins, and with ?tenant=.
enum class Scope { kInstallation, kTenant };

// Whether the same request may be sent twice. kKey: with the header Idempotency-Key the second one
// gets the first one's answer. kNever: the answer holds a secret, which is not kept for a second
// time.
enum class Repeat { kSafe, kNatural, kKey, kNever };

struct QueryParameter {
    std::string_view name;
    std::string_view doc;
};

struct Route {
    std::string_view id;  // operationId; handlers and clients name routes by it
    Method method;
    std::string_view path;  // "/v1/backfills/{id}/pause"
    Role role;
    Scope scope;
    std::string_view summary;
    std::string_view request;  // schema name; empty = no body
    std::string_view reply;
    Repeat repeat;
    std::vector<QueryParameter> query;
    bool large_body = false;  // 16 MiB instead of 1 MiB
};

const std::vector<Route>& routes();

// The route of that id, which must exist (asserted).
const Route& route(std::string_view id);

// The path with each {parameter} replaced by its value, percent-encoded, and the query appended.
// Values are given in the order of the parameters.
std::string expand_path(
    const Route& route,
    const std::vector<std::string>& values,
    const std::vector<std::pair<std::string, std::string>>& query = {}
);
std::string percent_encode(std::string_view text);
// Error: invalid_argument / "bad_path" (a bad escape, or a NUL).
Result<std::string> percent_decode(std::string_view text);

constexpr std::string_view kTenantPrefix = "/v1/tenants/{tenant}";

// Headers of ours.
constexpr std::string_view kRequestIdHeader = "X-Request-Id";
constexpr std::string_view kIdempotencyKeyHeader = "Idempotency-Key";
constexpr std::string_view kIdempotencyReplayedHeader = "Idempotency-Replayed";
// On an answer `not_leading`: the leader's address, when it is known.
constexpr std::string_view kLeaderHeader = "Servo-Leader";
// Beside it: the name that the leader's certificate is for, where that is not the address's host.
constexpr std::string_view kLeaderNameHeader = "Servo-Leader-Name";
// On a request that a standby handed on: it goes no further.
constexpr std::string_view kForwardedHeader = "Servo-Forwarded";
// Who acts, for the audit trail, where no token says it: [A-Za-z0-9._@-]{1,64}.
constexpr std::string_view kActorHeader = "Servo-Actor";
// W3C Trace Context: a backfill started with it is a part of that trace.
constexpr std::string_view kTraceparentHeader = "traceparent";

}  // namespace servo::api
