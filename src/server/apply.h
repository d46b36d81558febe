// `servo apply`: asset files → definitions → one command per folder of files. Everything is parsed
// and planned before anything changes.
#pragma once

#include "server/call.h"

namespace servo::server {

Result<Response> apply(Call& call);

}  // namespace servo::server
