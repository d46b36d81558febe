// Who may do what: tokens, roles, and what keeps web pages of others away from a server on
// loopback. Pure.
#pragma once

#include <string>

#include "server/call.h"

namespace servo::server {

constexpr size_t kActorLengthMax = 64;

struct AccessOptions {
    // Without an admin token everyone who reaches the listener is an admin.
    std::string admin_token;
    std::string executor_token;  // with it executors need no admin token
    // Without a token: names under which the server may be asked, beside loopback's own.
    std::string listen_address = "127.0.0.1";
};

// Refuses a listener that others can reach while everyone is an admin, unless `insecure` is said.
// Error: failed_precondition / "insecure_listen".
Status check_exposure(const AccessOptions& options, bool insecure);

// Refuses requests that a browser sends for a foreign page: a Host that is not ours (DNS
// rebinding), an Origin that differs from the Host, a body that is not declared as JSON. Errors:
// invalid_argument / "wrong_host", "bad_content_type"; permission_denied / "foreign_origin".
Status check_browser(const Request& request, const AccessOptions& options);

// Errors: unauthenticated / "no_token", "bad_token".
Result<Principal> authenticate(const RequestHeaders& headers, const AccessOptions& options);

// Error: permission_denied / "role".
Status check_role(const Principal& principal, const api::Route& route);

bool is_loopback(const std::string& address);

}  // namespace servo::server
