// The executor's door to the server over HTTP: two threads, each with a connection of its own, one
// for registering and reports, one for acquires, which the server may park; and a third while
// somebody reads what a partition prints.
#pragma once

#include <memory>

#include "client/http.h"
#include "executor/transport.h"

namespace servo::apps {

std::shared_ptr<executor::Transport> make_http_transport(const client::HttpOptions& options);

}  // namespace servo::apps
