#include "server/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/problem.h"
#include "server/digest.h"

namespace servo::server {
namespace {

constexpr std::string_view kBearer = "Bearer ";

Error denied(ErrorCode code, std::string reason, std::string message) {
    return Error{code, std::move(reason), std::move(message), {}, 0};
}

// "[::1]:7420" → "[::1]", "localhost:7420" → "localhost".
std::string host_name(std::string_view host) {
    const size_t bracket = host.rfind(']');
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        host = host.substr(0, colon);
    }
    return std::string(host);
}

bool our_host(const std::string& host, const AccessOptions& options) {
    const std::string name = host_name(host);
    // Digits and dots only: "127.0.0.1.evil.example" is somebody else's name.
    const bool number = name.find_first_not_of("0123456789.") == std::string::npos;
    return name == "localhost" || name == "[::1]" || (number && name.starts_with("127.")) ||
           name == options.listen_address || name == fmt::format("[{}]", options.listen_address);
}

bool wildcard(const std::string& address) {
    return address == "0.0.0.0" || address == "::";
}

std::string actor_of(const std::string& header, const char* otherwise) {
    const bool plain = std::all_of(header.begin(), header.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '@' || c == '-';
    });
    return plain && !header.empty() && header.size() <= kActorLengthMax ? header : otherwise;
}

}  // namespace

bool is_loopback(const std::string& address) {
    return address == "::1" || address.starts_with("127.");
}

Status check_exposure(const AccessOptions& options, bool insecure) {
    if (is_loopback(options.listen_address) || !options.admin_token.empty() || insecure) {
        return {};
    }
    return fail(failed_precondition(
        "insecure_listen",
        fmt::format(
            "Listening on {} without a token would let everyone who reaches it run programs. Set "
            "an admin token, listen on 127.0.0.1, or say --insecure.",
            options.listen_address
        )
    ));
}

Status check_browser(const Request& request, const AccessOptions& options) {
    const RequestHeaders& headers = request.headers;
    const bool checks_host = options.admin_token.empty() && !wildcard(options.listen_address);
    if (checks_host && !our_host(headers.host, options)) {
        return fail(invalid_argument(
            "wrong_host", fmt::format("This server is not \"{}\".", host_name(headers.host))
        ));
    }
    if (!headers.origin.empty() && headers.origin != "http://" + headers.host &&
        headers.origin != "https://" + headers.host) {
        return fail(denied(
            ErrorCode::kPermissionDenied,
            "foreign_origin",
            "Pages of other sites may not call this API."
        ));
    }
    const bool json = headers.content_type.starts_with(std::string(api::kJsonContentType));
    if (!request.body.empty() && !json) {
        return fail(invalid_argument(
            "bad_content_type", "A body must be sent with Content-Type: application/json."
        ));
    }
    return {};
}

Result<Principal> authenticate(const RequestHeaders& headers, const AccessOptions& options) {
    Principal out;
    if (options.admin_token.empty()) {
        out.role = api::Role::kAdmin;
        out.actor = actor_of(headers.actor, "anonymous");
        return out;
    }
    if (!headers.authorization.starts_with(kBearer)) {
        return fail(denied(
            ErrorCode::kUnauthenticated,
            "no_token",
            "This server wants a token: set SERVO_TOKEN, or send Authorization: Bearer TOKEN."
        ));
    }
    const std::string token = headers.authorization.substr(kBearer.size());
    if (same_secret(token, options.admin_token)) {
        out.role = api::Role::kAdmin;
        out.actor = actor_of(headers.actor, "admin");
        return out;
    }
    if (same_secret(token, options.executor_token)) {
        out.role = api::Role::kExecutor;
        out.actor = "executor";
        return out;
    }
    return fail(
        denied(ErrorCode::kUnauthenticated, "bad_token", "The token is not one of this server's.")
    );
}

Status check_role(const Principal& principal, const api::Route& route) {
    using enum api::Role;
    const bool executor = principal.role == kExecutor;
    const bool allowed =
        route.role == kPublic || principal.role == kAdmin ||
        (route.role == kExecutor ? executor : !executor && principal.role >= route.role);
    if (!allowed) {
        return fail(denied(
            ErrorCode::kPermissionDenied,
            "role",
            fmt::format(
                "{} {} needs the role {}; the token has {}.",
                to_string(route.method),
                route.path,
                to_string(route.role),
                to_string(principal.role)
            )
        ));
    }
    return {};
}

}  // namespace servo::server
