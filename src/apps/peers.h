// How a server reaches the other servers on its store: HTTP requests handed on, and whether the
// leader's process is there.
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

// `self`: what the leader's row says of this process when it leads.
server::Peers make_peers(const store::Candidate& self, PeerTls tls);

}  // namespace servo::apps
