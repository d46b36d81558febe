// Who may do what: tokens, roles, and what keeps web pages of others away from a server on
// loopback. Pure, but for the store's tokens, which may be read once more.
#pragma once

#include <string>

#include "server/call.h"
#include "server/token_book.h"

namespace servo::server {

constexpr size_t kActorLengthMax = 64;

struct AccessOptions {
    // Without an admin token, here or in the store, everyone who reaches the listener is an admin.
    std::string admin_token;
    std::string executor_token;  // with it executors need no admin token
    std::string process_token;   // of this process itself: what runs in it is an admin
    // Without a token: names under which the server may be asked, beside loopback's own.
    std::string listen_address = "127.0.0.1";
};

// Names under which the two tokens of the environment are known to limits and sessions.
constexpr std::string_view kAdminTokenName = "SERVO_ADMIN_TOKEN";
constexpr std::string_view kExecutorTokenName = "SERVO_EXECUTOR_TOKEN";
constexpr std::string_view kProcessTokenName = "this process";

// Whether everyone who reaches the listener is an admin.
bool is_open(const AccessOptions& options, const TokenTable& tokens);

// Refuses a listener that others can reach while everyone is let in or tokens travel in the clear,
// unless `insecure` is said. Before that: a token of the environment that nobody can send, and what
// is no address. Errors: failed_precondition / "insecure_listen"; invalid_argument /
// "bad_token", "bad_address".
enum class Transport { kPlain, kTls };
enum class Exposed { kApi, kMetrics };
Status check_exposure(
    const AccessOptions& options,
    const TokenTable& tokens,
    Transport transport,
    bool insecure,
    Exposed what = Exposed::kApi
);

// Refuses requests that a browser sends for a foreign page: a Host that is not ours (DNS
// rebinding), an Origin that differs from the Host, a body that is not declared as JSON. Errors:
// invalid_argument / "wrong_host", "bad_content_type"; permission_denied / "foreign_origin".
Status check_browser(
    const Request& request, const AccessOptions& options, const TokenTable& tokens = {}
);

// A token that has expired or was revoked is told from a wrong one: the holder has to know. One
// whose id `tokens` lacks is looked for in what is newer, if it can be had.
// Errors: unauthenticated / "no_token", "bad_token", "token_expired", "token_revoked".
Result<Principal> authenticate(
    const RequestHeaders& headers,
    const AccessOptions& options,
    const TokenTable& tokens = {},
    Instant now = kEpochStart
);

// Error: permission_denied / "role".
Status check_role(const Principal& principal, const api::Route& route);

// Whether a scrape is answered: on loopback everyone's, elsewhere that of a token which may read
// metrics. Errors: those of authenticate and check_role.
Status check_scrape(
    const RequestHeaders& headers,
    const AccessOptions& options,
    const TokenTable& tokens,
    Instant now
);

bool is_loopback(const std::string& address);

}  // namespace servo::server
