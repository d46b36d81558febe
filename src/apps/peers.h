// How a server reaches the other servers on its store: HTTP requests handed on, and whether
// somebody listens at an address.
#pragma once

#include <string>

#include "server/standby.h"

namespace servo::apps {

// `ca_file`: empty = the system's.
server::Peers make_peers(const std::string& ca_file);

// Tries to connect, for a second at most.
server::Reach reach(const std::string& url);

}  // namespace servo::apps
