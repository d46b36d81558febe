#include "server/access.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "api/problem.h"
#include "server/digest.h"
#include "server/listener.h"

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

// A header carries neither blanks at its ends nor line breaks, so nobody could show such a token.
Status check_variable(std::string_view name, const std::string& token) {
    const bool plain = std::all_of(token.begin(), token.end(), [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != '\x7f';
    });
    if (!plain) {
        return fail(invalid_argument(
            "bad_token",
            fmt::format(
                "{} holds a blank, a line break or another control character, which a token cannot "
                "have. Set it to the token alone, or unset it.",
                name
            )
        ));
    }
    return {};
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

api::Role api_role(model::TokenRole role) {
    switch (role) {
        case model::TokenRole::kAdmin:
            return api::Role::kAdmin;
        case model::TokenRole::kTenantAdmin:
            return api::Role::kWrite;
        case model::TokenRole::kTenantRead:
            return api::Role::kRead;
        case model::TokenRole::kExecutor:
            return api::Role::kExecutor;
        case model::TokenRole::kMetrics:
            return api::Role::kMetrics;
    }
    return api::Role::kPublic;
}

Result<Principal> principal_of(
    const store::StoredToken& token, const RequestHeaders& headers, Instant now
) {
    if (token.row.revoked_at <= now) {
        return fail(denied(
            ErrorCode::kUnauthenticated,
            "token_revoked",
            fmt::format("The token {} was revoked; ask for a new one.", token.row.id)
        ));
    }
    if (!token.row.live(now)) {
        return fail(denied(
            ErrorCode::kUnauthenticated,
            "token_expired",
            fmt::format("The token {} has expired; ask for a new one.", token.row.id)
        ));
    }
    Principal out;
    out.role = api_role(token.row.role);
    out.tenant = token.tenant_name;
    out.tenant_id = token.row.tenant;
    out.labels = token.row.labels;
    out.token = token.row.id;
    // What the caller says of itself, and what is certain.
    out.actor = fmt::format("{}/{}", actor_of(headers.actor, "token"), token.row.id);
    return out;
}

}  // namespace

bool is_loopback(const std::string& address) {
    return address == "::1" || address == "localhost" || address.starts_with("127.");
}

bool is_open(const AccessOptions& options, const TokenTable& tokens) {
    return options.admin_token.empty() && !tokens.closed;
}

Status check_exposure(
    const AccessOptions& options,
    const TokenTable& tokens,
    Transport transport,
    bool insecure,
    Exposed what
) {
    SERVO_CHECK(check_variable(kAdminTokenName, options.admin_token));
    SERVO_CHECK(check_variable(kExecutorTokenName, options.executor_token));
    // Before anything is asked for that such an address would need.
    SERVO_CHECK(check_listen_address(options.listen_address));
    if (is_loopback(options.listen_address) || insecure) {
        return {};
    }
    if (is_open(options, tokens)) {
        return fail(failed_precondition(
            "insecure_listen",
            fmt::format(
                "Listening on {} without a token would let everyone who reaches it {}. "
                "Make one (servo token create --role admin --offline) or set "
                "SERVO_ADMIN_TOKEN, listen on 127.0.0.1, or say --insecure.",
                options.listen_address,
                what == Exposed::kApi ? "run programs" : "see every tenant's figures"
            )
        ));
    }
    if (transport == Transport::kPlain) {
        return fail(failed_precondition(
            "insecure_listen",
            fmt::format(
                "Listening on {} without TLS would send tokens in the clear. Give --tls-cert and "
                "--tls-key, listen on 127.0.0.1, or, behind a proxy that does TLS, say --insecure.",
                options.listen_address
            )
        ));
    }
    return {};
}

Status check_browser(
    const Request& request, const AccessOptions& options, const TokenTable& tokens
) {
    const RequestHeaders& headers = request.headers;
    const bool checks_host = is_open(options, tokens) && !wildcard(options.listen_address);
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

namespace {

// A scheme has no case (RFC 9110, 11.1).
bool bears_token(const RequestHeaders& headers) {
    return ::strncasecmp(headers.authorization.c_str(), kBearer.data(), kBearer.size()) == 0;
}

std::string token_in(const RequestHeaders& headers) {
    return bears_token(headers) ? headers.authorization.substr(kBearer.size()) : "";
}

Result<Principal> authenticate_by(
    const TokenTable& tokens,
    const RequestHeaders& headers,
    const AccessOptions& options,
    Instant now
) {
    const bool given = bears_token(headers);
    const std::string text = token_in(headers);
    if (const auto parsed = model::parse_token(text)) {
        const auto it = tokens.by_id.find(parsed->id);
        if (it != tokens.by_id.end() &&
            same_secret(token_hash(parsed->secret), it->second.row.secret_sha256)) {
            return principal_of(it->second, headers, now);
        }
    }
    if (given && same_secret(text, options.process_token)) {
        return Principal{
            api::Role::kAdmin,
            "",
            actor_of(headers.actor, "servo"),
            std::string(kProcessTokenName)};
    }
    if (is_open(options, tokens)) {
        return Principal{api::Role::kAdmin, "", actor_of(headers.actor, "anonymous")};
    }
    if (!given) {
        return fail(denied(
            ErrorCode::kUnauthenticated,
            "no_token",
            "This server wants a token: set SERVO_TOKEN, or send Authorization: Bearer TOKEN."
        ));
    }
    if (same_secret(text, options.admin_token)) {
        return Principal{
            api::Role::kAdmin, "", actor_of(headers.actor, "admin"), std::string(kAdminTokenName)};
    }
    if (same_secret(text, options.executor_token)) {
        return Principal{api::Role::kExecutor, "", "executor", std::string(kExecutorTokenName)};
    }
    return fail(denied(
        ErrorCode::kUnauthenticated,
        "bad_token",
        "The token is not one of this server's. Is it another server's (--server, --context)? Else "
        "ask an admin for a new one (servo token create)."
    ));
}

Status check_role(const Principal& principal, api::Role needed, const std::string& what) {
    using enum api::Role;
    const bool apart = principal.role == kExecutor || principal.role == kMetrics;
    const bool allowed =
        needed == kPublic || principal.role == kAdmin ||
        (apart || needed == kExecutor || needed == kMetrics ? principal.role == needed
                                                            : principal.role >= needed);
    if (!allowed) {
        return fail(denied(
            ErrorCode::kPermissionDenied,
            "role",
            fmt::format(
                "{} needs the role {}; the token has {}. Use {}.",
                what,
                to_string(needed),
                to_string(principal.role),
                needed == kAdmin ? "an admin's token, or ask an admin" : "a token of that role"
            )
        ));
    }
    return {};
}

}  // namespace

Result<Principal> authenticate(
    const RequestHeaders& headers,
    const AccessOptions& options,
    const TokenTable& tokens,
    Instant now
) {
    const auto parsed = model::parse_token(token_in(headers));
    if (parsed && tokens.newer && !tokens.by_id.contains(parsed->id)) {
        const auto newer = tokens.newer();  // it may have been made since
        return authenticate_by(*newer, headers, options, now);
    }
    return authenticate_by(tokens, headers, options, now);
}

Status check_role(const Principal& principal, const api::Route& route) {
    return check_role(
        principal, route.role, fmt::format("{} {}", to_string(route.method), route.path)
    );
}

Status check_scrape(
    const RequestHeaders& headers,
    const AccessOptions& options,
    const TokenTable& tokens,
    Instant now
) {
    if (is_loopback(options.listen_address)) {
        return {};
    }
    const Principal scraper = SERVO_TRY(authenticate(headers, options, tokens, now));
    return check_role(scraper, api::Role::kMetrics, "GET /metrics");
}

}  // namespace servo::server
