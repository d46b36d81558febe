// How a server reaches the other servers on its store: HTTP requests handed on, and whether
// somebody listens at an address.
#pragma once

#include <string>

#include "server/standby.h"

namespace servo::apps {

struct PeerTls {
    std::string ca_file;         // authorities of their certificates; empty = the system's
    std::string cert_file = {};  // to show them, with its key; empty = none
    std::string key_file = {};
    std::string name = {};  // that their certificates are for; empty = the host of their address
};

server::Peers make_peers(PeerTls tls);

// Tries to connect, for a second at most.
server::Reach reach(const std::string& url);

}  // namespace servo::apps
