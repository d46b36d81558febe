// What changes backfills; each is a Handler (call.h).
#pragma once

#include "server/call.h"

namespace servo::server {

Result<Response> start_backfill(Call& call);

}  // namespace servo::server
