// Has an executor measure the endpoints of a pool, and waits for what it says.
#pragma once

#include "api/admin.h"
#include "core/views.h"
#include "server/call.h"

namespace servo::server {

constexpr int kPoolChecksAtOnce = 2;            // each holds a worker for a while
constexpr Millis kPoolCheckTimeoutMax{10'000};  // of one endpoint
constexpr Millis kPoolCheckMargin{15'000};      // until the executor asks, and tells

// Errors: invalid_argument / "no_endpoints", "bad_check"; permission_denied / "admin_only";
// not_found / "no_such_executor"; failed_precondition / "no_executor_up", "executor_silent";
// resource_exhausted / "too_many_checks".
Result<api::CheckPoolReply> check_pool_from_executor(
    Call& call, const api::CheckPoolRequest& request, const core::PoolView& pool
);

}  // namespace servo::server
