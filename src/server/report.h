// GET /v1/report.
#pragma once

#include "server/call.h"

namespace servo::server {

// Errors: invalid_argument / "bad_since"; resource_exhausted / "report_running": one at a time.
Result<Response> get_report(Call& call);

}  // namespace servo::server
